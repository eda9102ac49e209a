"""What lies at a URL of S3, for services that are told where to find something."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

from aftershock.aws.ask import Ask
from aftershock.aws.call import Call
from aftershock.aws.errors import AwsError

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
_REGION = r"(?:[.-]([a-z]{2}(?:-[a-z]+)+-\d))?"
_PATH_STYLE = re.compile(rf"s3(?:\.dualstack)?{_REGION}\.amazonaws\.com")
_VIRTUAL_HOSTED = re.compile(rf"(.+)\.s3(?:\.dualstack)?{_REGION}\.amazonaws\.com")
_MORE = "For more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
_LOCAL = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


def fetch(ask: Ask, call: Call, url: str) -> bytes:
    """The object, read inside the caller's transaction and as the caller.

    Raises:
        AwsError: it is no URL of S3, it lies in another region, or the object may not be read.
    """
    named = located(url, call.region)
    if named is None:
        raise AwsError("ValidationError", f"S3 error: The URL {url[:200]} does not name an object in this region.")
    bucket, key, version_id = named
    params = {"Bucket": bucket, "Key": key, **({"VersionId": version_id} if version_id else {})}
    try:
        body = ask("s3", "GetObject", params, within=call)["Body"]
    except AwsError as error:
        raise AwsError("ValidationError", f"S3 error: {error.message}\n{_MORE}") from error
    data: bytes = body.whole()
    return data


def located(url: str, region: str) -> tuple[str, str, str | None] | None:
    """Bucket, key and version id."""
    split = urlsplit(url)
    version_id = parse_qs(split.query).get("versionId", [None])[0]
    path = unquote(split.path).removeprefix("/")
    if split.scheme == "s3":
        return _named(split.netloc, path, version_id)
    if split.scheme not in ("http", "https"):
        return None
    host = split.netloc.lower()
    if found := _VIRTUAL_HOSTED.fullmatch(host):
        return _named(found[1], path, version_id) if found[2] in (None, region) else None
    found = _PATH_STYLE.fullmatch(host)
    if _LOCAL.fullmatch(host) or (found and found[1] in (None, region)):
        bucket, _, key = path.partition("/")
        return _named(bucket, key, version_id)
    return None


def _named(bucket: str, key: str, version_id: str | None) -> tuple[str, str, str | None] | None:
    return (bucket, key, version_id) if bucket and key else None
