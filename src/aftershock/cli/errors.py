"""How a command fails: one message that says what to do, and an exit status that a script can tell apart."""

import click

OK, FAILED, USAGE, NOT_RUNNING = 0, 1, 2, 3  # 2 is click's own


class Failure(click.ClickException):
    exit_code = FAILED

    def show(self, file: object = None) -> None:
        click.echo(f"aftershock: {self.format_message()}", err=True)


class NotRunning(Failure):
    exit_code = NOT_RUNNING
