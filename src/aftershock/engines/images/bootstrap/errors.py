"""What can go wrong with an instance's set-up."""


class BuildError(Exception):
    """The metadata cannot be carried out; the message names what of it, and why."""
