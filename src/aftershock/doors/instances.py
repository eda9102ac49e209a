"""Finds an instance as a person names it: by its id or by its Name tag."""

from typing import Any

GONE = ("terminated", "shutting-down")


class NoSuchInstance(LookupError):
    """No instance, or more than one, is called that; the message says which there are."""


def find(ec2: Any, wanted: str) -> dict[str, Any]:
    """The instance as DescribeInstances shows it.

    Raises:
        NoSuchInstance
    """
    pages = ec2.get_paginator("describe_instances").paginate()
    instances: list[dict[str, Any]] = [
        one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]
    ]
    for one in instances:
        if one["InstanceId"] == wanted:
            return one
    living = [one for one in instances if one["State"]["Name"] not in GONE]
    named = [one for one in living if name_of(one) == wanted]
    if len(named) == 1:
        return named[0]
    if named:
        raise NoSuchInstance(f"{len(named)} instances are named {wanted}: {_list(named)}; give one's id")
    there = f"there are: {_list(living)}" if living else "there is none at all"
    raise NoSuchInstance(f"no instance has the id or the Name tag {wanted}; {there}")


def name_of(instance: dict[str, Any]) -> str | None:
    return next((tag["Value"] for tag in instance.get("Tags", []) if tag["Key"] == "Name"), None)


def _list(instances: list[dict[str, Any]]) -> str:
    return ", ".join(" ".join(filter(None, (one["InstanceId"], name_of(one)))) for one in instances)
