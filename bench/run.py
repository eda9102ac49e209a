"""Prints the figures of SPECIFICATION.md for this machine: `./aftershock bench [PART ...]`.

The parts are size, objects, launch, many, api, dns, balancer, console and elasticity.  It takes some minutes, and
elasticity a quarter of an hour, since alarms wait for their minutes; the exit status is 1 if a promise is not kept.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import api, balancer, console, elasticity, groups, launch, names, objects, size
from bench.figures import Figure, machine
from bench.probe import first_answers
from bench.region import fresh

PARTS = ("size", "objects", "launch", "many", "api", "dns", "balancer", "console", "elasticity")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--directory", type=Path, help="where the region lives meanwhile (default: the temporary one)")
    options = parser.parse_args()
    parts = set(options.parts or PARTS)
    if not parts <= set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(parts - set(PARTS)))}")
    print(machine(), flush=True)
    figures: list[Figure] = []

    def show(more: list[Figure]) -> None:
        figures.extend(more)
        for figure in more:
            print(figure.line(), flush=True)

    if "balancer" in parts:
        show(balancer.measure())
        parts.remove("balancer")
    if "elasticity" in parts:
        with fresh(options.directory) as region:
            region.up()
            launcher = launch.Launcher(region)
            for measured in (elasticity.measure(launcher), groups.measure(launcher)):
                for more in measured:
                    show(more)
        parts.remove("elasticity")
    if "console" in parts:
        with fresh(options.directory) as region:
            region.up()
            for more in console.measure(launch.Launcher(region)):
                show(more)
        parts.remove("console")
    if parts:
        measure(parts, options.directory, show)
    return 0 if all(figure.kept is not False for figure in figures) else 1


def measure(parts: set[str], directory: Path | None, show: Callable[[list[Figure]], None]) -> None:
    """The parts that need a region."""
    with fresh(directory) as region:
        if "size" in parts:
            show(size.measure(region))
        else:
            region.up()
        if "objects" in parts:
            show(objects.measure(region))
        if "dns" in parts:
            show(names.measure(region))
        if parts & {"launch", "many", "api"}:
            launcher = launch.Launcher(region)
            if "launch" in parts:
                show(launch.measure(launcher))
            if "many" in parts:
                more, _ = launch.measure_many(launcher)
                show(more)
            elif "api" in parts:
                together = launcher.run(launcher.golden, "t2.nano", launch.MANY)
                first_answers(launcher.door, launcher.addresses(together))
            if "api" in parts:
                show(api.measure(region))


if __name__ == "__main__":
    sys.exit(main())
