"""Tags of buckets and objects.  S3 user guide: "Object tagging", "Using cost allocation S3 bucket tags"."""

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from .errors import invalid_argument, refuse

MOST_OF_OBJECT, MOST_OF_BUCKET = 10, 50
_KEY_CHARACTERS, _VALUE_CHARACTERS = 128, 256


def checked(pairs: Iterable[tuple[str, str]], most: int) -> dict[str, str]:
    tags: dict[str, str] = {}
    for key, value in pairs:
        if key in tags:
            raise refuse("InvalidTag", "Cannot provide multiple Tags with the same key", TagKey=key)
        if not 1 <= len(key) <= _KEY_CHARACTERS:
            raise refuse("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > _VALUE_CHARACTERS:
            raise refuse("InvalidTag", "The TagValue you have provided is invalid", TagKey=key, TagValue=value)
        tags[key] = value
    if len(tags) > most:
        if most == MOST_OF_OBJECT:
            raise refuse("BadRequest", f"Object tags cannot be greater than {most}")
        raise refuse("BadRequest", f"Bucket tag count cannot be greater than {most}")
    return tags


def from_user(tags: Mapping[str, str]) -> dict[str, str]:
    """Raises AwsError if a user claims what only AWS's services may."""
    for key in tags:
        if key.lower().startswith("aws:"):
            message = "System tags cannot be added/updated by requester"
            raise refuse("InvalidTag", message, TagKey=key)
    return dict(tags)


def of_set(tag_set: Iterable[Mapping[str, str]], most: int) -> dict[str, str]:
    return checked(((tag["Key"], tag["Value"]) for tag in tag_set), most)


def of_header(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=100)
    except ValueError:
        message = (
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
        )
        raise invalid_argument(message + "name duplicates.", "x-amz-tagging", text) from None
    return from_user(checked(pairs, MOST_OF_OBJECT))


def view(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
