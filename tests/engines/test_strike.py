"""Machines that lose their power together: all at once, whatever state each is in, and nothing is left of them."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import pytest

from aftershock.engines.machines import Ended, Observed, strike
from tests.engines.lab import Lab, eventually, leftovers


@pytest.fixture
def lab():
    lab = Lab()
    yield lab
    lab.close()


def struck(lab, *specs):
    return asyncio.run(strike([(lab.machines, spec.name) for spec in specs]))


def pid_of(lab, spec, file):
    return int((lab.state / "machines" / spec.name / file).read_text())


def test_all_are_gone_at_once_and_each_was_killed(lab):
    specs = [lab.spec(name) for name in ("one", "two", "three")]
    for spec in specs:
        lab.ensure(spec)
    names, spread_s = struck(lab, *specs)
    assert names == {spec.name for spec in specs}
    assert 0 <= spread_s < 30
    assert asyncio.run(lab.machines.list()) == {}
    for spec in specs:
        observed = eventually(lambda spec=spec: _ended(lab, spec))
        assert observed.exit.cause == "killed" and observed.exit.at is not None
    assert struck(lab, *specs)[0] == frozenset()
    for spec in specs:
        asyncio.run(lab.machines.kill(spec.name))
    assert not leftovers(lab.number)
    assert isinstance(lab.ensure(specs[0]), Observed)


def test_it_reaches_machines_that_are_held_still_without_a_conmon_or_shutting_down(lab):
    frozen, orphan, leaving, well = (lab.spec(name) for name in ("frozen", "orphan", "leaving", "well"))
    for spec in (frozen, orphan, leaving, well):
        lab.ensure(spec)
    asyncio.run(lab.machines.freeze(frozen.name))
    os.kill(pid_of(lab, orphan, "conmon.pid"), signal.SIGKILL)
    lab.booted(leaving)
    lab.run(leaving, "poweroff --no-wall", check=False)
    names, _ = struck(lab, frozen, orphan, leaving, well)
    assert {frozen.name, orphan.name, well.name} <= names
    for spec in (frozen, orphan, leaving, well):
        asyncio.run(lab.machines.kill(spec.name))
    assert not leftovers(lab.number)


@pytest.mark.parametrize("victim", ["conmon", "runc"])
def test_a_start_that_is_shot_down_in_the_middle_of_it_leaves_nothing(lab, victim):
    spec = lab.spec(victim)

    async def quake():
        starting = asyncio.create_task(lab.machines.ensure(spec))
        home = os.fsencode(lab.state / "machines" / spec.name)
        async with asyncio.timeout(30):
            while not (shot := _shoot(victim, home)) and not starting.done():
                await asyncio.sleep(0)
        await strike([(lab.machines, spec.name)])
        await asyncio.wait([starting], timeout=60)
        assert starting.done()
        starting.exception()  # an error, or none if it was there already; either way it is said
        await strike([(lab.machines, spec.name)])
        await lab.machines.kill(spec.name)
        return shot

    for _ in range(3):
        asyncio.run(quake())
        assert not leftovers(lab.number)
        assert asyncio.run(lab.machines.list()) == {}
    assert isinstance(lab.ensure(spec), Observed)


def _shoot(victim, home):
    """Kill the program that works on this machine, if there is one."""
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes() if process.name.isdigit() else b""
            if home in words and victim.encode() in words.split(b"\0")[0]:
                os.kill(int(process.name), signal.SIGKILL)
                return True
    return False


def _ended(lab, spec):
    observed = lab.observe(spec)
    assert isinstance(observed, Ended), observed
    return observed
