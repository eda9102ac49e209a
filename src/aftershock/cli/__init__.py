"""The command line.  It speaks the public AWS API, and starts and stops the ground; it knows no service's inside."""

from .main import main

__all__ = ["main"]
