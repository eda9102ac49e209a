"""`aftershock`: the group that holds the commands."""

import click

from . import account, bill, console, graduate, heal, inside, lab, logs, quake, region, site

EPILOG = "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no region is running there."


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(package_name="aftershock", message="%(prog)s %(version)s")
def main() -> None:
    """An AWS-compatible region on this machine, whose architecture is real."""


for command in (
    region.up,
    region.down,
    region.status,
    console.console,
    account.env,
    account.reset,
    inside.ssh,
    inside.shell,
    inside.connect,
    inside.curl,
    inside.dig,
    logs.logs,
    bill.bill,
    quake.quake,
    heal.heal,
    site.site,
    lab.lab,
    graduate.graduate,
):
    main.add_command(command)
