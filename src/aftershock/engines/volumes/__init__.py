"""Volumes: the writable part of a machine's disk, one directory each, kept apart from the machine that uses it."""

from aftershock.engines.volumes.volumes import Volumes

__all__ = ["Volumes"]
