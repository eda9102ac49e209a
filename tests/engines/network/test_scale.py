"""Two hundred ports behind one router; what it costs is printed (pytest -rP), not asserted."""

import asyncio
import resource
import statistics
import time
from dataclasses import replace

from aftershock.engines.network import PortSpec, driver, machine

from .world import ALL, TCP, allow

PORTS = 200


class Meter:
    """Milliseconds, of all and of the processors' alone, and programs per call."""

    def __init__(self, monkeypatch):
        self.programs, real = 0, driver.run

        def run(*args, **options):
            self.programs += 1
            return real(*args, **options)

        monkeypatch.setattr(driver, "run", run)
        monkeypatch.setattr(machine, "run", run)

    async def of(self, what, calls):
        times, before, cpu = [], self.programs, cpu_s()
        for call in calls:
            start = time.perf_counter()
            await call()
            times.append((time.perf_counter() - start) * 1000)
        cpu_ms = (cpu_s() - cpu) * 1000 / len(times)
        programs = (self.programs - before) / len(times)
        median = statistics.median(times)
        print(f"{what:<36} {median:6.1f} ms median {max(times):6.1f} max {cpu_ms:6.1f} cpu {programs:5.1f} programs")


def cpu_s():
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def test_the_two_hundredth_port_costs_no_more_than_the_first(world, monkeypatch):
    router = world.router()
    for number in range(10):
        world.group(f"g{number}", [allow(f"g{(number + 1) % 10}", TCP, 80), allow("0.0.0.0/0", TCP, 22)], egress=[ALL])
    network, meter = world.network, Meter(monkeypatch)
    specs = [
        PortSpec(
            name=f"{world.name}-eni-0123456789ab{number:04}",
            router=router.name,
            netns=f"m-{world.name}-{number}",
            mac=f"02:00:00:00:00:{number:02x}",
            address=f"10.0.1.{number + 10}",
            prefix_len=24,
            gateway="10.0.1.1",
            zone=f"zone-{number % 3}",
            groups=(f"g{number % 10}", f"g{number % 7}"),
            public=f"198.18.3.{number}",
            internet=("0.0.0.0/0",),
        )
        for number in range(PORTS)
    ]

    def ensure(some):
        return [lambda spec=spec: network.ensure_port(spec) for spec in some]

    async def measure():
        await meter.of("a program that does nothing", [lambda: driver.run(["true"], timeout_s=20)] * 20)
        for first in (0, 90, PORTS - 20):
            done = specs[: first + 20]
            await asyncio.gather(*map(network.ensure_port, specs[first - 70 if first else 0 : first]))
            await meter.of(f"a new port, after {first}", ensure(done[first:]))
        await meter.of("a port as it is", ensure(specs[:20]))
        await meter.of("a port with other groups", ensure(replace(spec, groups=("g0",)) for spec in specs[:20]))
        await meter.of(
            "a port with another public address",
            ensure(replace(s, public=f"198.18.4.{n}") for n, s in enumerate(specs[:20])),
        )
        await meter.of(
            "a group's rules",
            [lambda group=group: network.ensure_group(group) for group in (await network.list_groups())[:10]],
        )
        await meter.of("list_ports", [network.list_ports] * 5)
        await meter.of("observe_port", [lambda: network.observe_port(specs[0].name, router=router.name)] * 5)
        await meter.of(
            "a zone cut",
            [lambda: network.set_zones_cut(router.name, {"zone-0"}), lambda: network.set_zones_cut(router.name, set())],
        )

    world.run(measure())
    assert {port.missing for port in world.run(network.list_ports())} == {""}
    assert len(world.run(network.list_ports())) == PORTS
    world.serve(specs[-1], 22)
    assert world.reach(specs[0], specs[-1].address, 22) == specs[0].address

    async def remove():
        await meter.of(
            "a removed port, of 200", [lambda s=s: network.remove_port(s.name, router=router.name) for s in specs[:20]]
        )
        for start in range(20, PORTS, 20):
            await asyncio.gather(*(network.remove_port(s.name, router=router.name) for s in specs[start : start + 20]))

    world.run(remove())
    assert world.run(network.list_ports()) == ()
