"""The command lines, as AWS's programs have them."""

import argparse
import base64
import binascii
import json
import logging
import re
import socket
import stat
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import building, sets
from .downloads import TRIES, context
from .errors import BuildError
from .hup import Hup
from .instance import Credentials, NotAnInstanceError, instance_id, role_credentials
from .stacks import RefusedError, Stacks

LOGS = Path("/var/log")
DATA = Path("/var/lib/cfn-init/data")
log = logging.getLogger("cfn-init")


class SayError(Exception):
    """What is told on the way out, with status 1."""


def _parser(program: str, usage: str = "%(prog)s [options]") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, usage=usage, allow_abbrev=False)
    keys = parser.add_argument_group("AWS Credentials")
    keys.add_argument(
        "-f", "--credential-file", help="a file with AWSAccessKeyId and AWSSecretKey, for its owner alone"
    )
    keys.add_argument("--role", dest="iam_role", help="an IAM role of this instance's profile")
    keys.add_argument("--access-key")
    keys.add_argument("--secret-key")
    parser.add_argument("--http-proxy", help=argparse.SUPPRESS)
    parser.add_argument("--https-proxy", help=argparse.SUPPRESS)
    parser.add_argument("--region", default="us-east-1", help="default: us-east-1")
    return parser


def _parse(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    options = parser.parse_args(words)
    if options.http_proxy or options.https_proxy:
        raise SayError("Error: proxies are not supported on this machine")
    return options


def _credentials(options: argparse.Namespace) -> Credentials | None:
    if options.credential_file:
        return credentials_in(Path(options.credential_file))
    if options.iam_role:
        return role_credentials(options.iam_role)
    if options.access_key and options.secret_key:
        return Credentials(options.access_key, options.secret_key)
    return None


def credentials_in(path: Path) -> Credentials:
    """
    Raises:
        SayError: it is not there, not for its owner alone, or lacks a key
    """
    if not path.is_file():
        raise SayError(f"Error retrieving credentials from file:\n\tCredential file was not found at {path}")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SayError(
            "Error retrieving credentials from file:\n\tCredential file cannot be accessible by group or other. Please "
            "chmod 600 the credential file."
        )
    found = dict(line.strip().split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    try:
        return Credentials(found["AWSAccessKeyId"], found["AWSSecretKey"])
    except KeyError:
        raise SayError(
            "Error retrieving credentials from file:\n\tCredential file must contain the keys 'AWSAccessKeyId' and "
            "'AWSSecretKey'"
        ) from None


def _stacks(options: argparse.Namespace) -> Stacks:
    return Stacks(options.region, options.url or "", _credentials(options))


def log_to(directory: Path, *, verbose: bool) -> None:
    form = logging.Formatter("%(asctime)s [%(levelname)s] %(message)s")
    for name, file in (("cfn-init", "cfn-init.log"), ("cfn-init.cmd", "cfn-init-cmd.log")):
        handler = logging.FileHandler(directory / file)
        handler.setFormatter(form)
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if verbose else logging.INFO)
        logger.propagate = name == "cfn-init.cmd" and verbose


def init(words: Sequence[str]) -> int:
    """`cfn-init`: carry out the metadata of a resource, of a file, or of the standard input ("-")."""
    parser = _parser(
        "cfn-init", "%(prog)s [options]\n  or:  %(prog)s [options] <filename>\n  or:  %(prog)s [options] -"
    )
    parser.add_argument("-s", "--stack")
    parser.add_argument("-r", "--resource")
    parser.add_argument("-c", "--configsets", default=sets.DEFAULT, help="separated by commas; default: default")
    parser.add_argument("-u", "--url", help="the CloudFormation service URL")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("file", nargs="?")
    options = _parse(parser, words)
    log_to(LOGS, verbose=options.verbose)
    metadata = _given(options)
    DATA.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = DATA / "metadata.json"
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(metadata, indent=4))
    if not (isinstance(metadata, dict) and metadata.get(sets.INIT)):
        where = f"metadata for {options.resource}" if options.stack else options.file
        print(f"Could not find '{sets.INIT}' key in {where}.", file=sys.stderr)
        return 0
    log.info("Starting build")
    try:
        building.build(metadata, options.configsets.split(","))
    # Metadata may have any shape; the caller is told by the status, and the log has the rest.
    except (BuildError, OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        log.exception("BUILD FAILED!")
        raise SayError(f"Error occurred during build: {error}") from None
    log.info("Build complete")
    return 0


def _given(options: argparse.Namespace) -> Any:
    if bool(options.file) == bool(options.stack or options.resource):
        raise SayError(
            "Error: You must specify an input source for metadata: a stack name and logical resource id, or a file"
        )
    if not options.file:
        if not (options.stack and options.resource):
            raise SayError("Error: You must specify both a stack name and logical resource id")
        found = _stacks(options).metadata(options.stack, options.resource)
        if not found:
            raise SayError(f"Error: {options.resource} does not specify any metadata")
        return found
    try:
        return json.loads(sys.stdin.read() if options.file == "-" else Path(options.file).read_text())
    except (OSError, ValueError) as error:
        raise SayError(f"Error decoding JSON from {options.file}: {error}") from None


def get_metadata(words: Sequence[str]) -> int:
    """`cfn-get-metadata`: print the metadata of a resource, or what a key of it says."""
    parser = _parser("cfn-get-metadata")
    parser.add_argument("-s", "--stack", required=True)
    parser.add_argument("-r", "--resource", required=True)
    parser.add_argument("-k", "--key", default="", help="a path with dots; a dot in a name is written \\.")
    parser.add_argument("-u", "--url", help="the CloudFormation service URL")
    options = _parse(parser, words)
    found = _stacks(options).metadata(options.stack, options.resource)
    if not found:
        raise SayError(f"Error: {options.resource} does not specify any metadata")
    value = at_path(found, options.key)
    if value is None:
        raise SayError(f"No value at path {options.key}")
    print(value if isinstance(value, str) else json.dumps(value, indent=4))
    return 0


def at_path(tree: Any, path: str) -> Any:
    for name in (re.sub(r"\\(?=\.)", "", part) for part in re.split(r"(?<!\\)\.", path) if path):
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def signal(words: Sequence[str]) -> int:
    """`cfn-signal`: say that this instance is done, or failed, to a resource or to a wait condition's URL."""
    parser = _parser("cfn-signal", "%(prog)s [options] [WaitConditionHandle URL]")
    parser.add_argument("-s", "--success", choices=("true", "false"), default="true")
    parser.add_argument("-i", "--id", help="default: the instance's id, or the full name of the machine")
    parser.add_argument("-e", "--exit-code", type=int, help="success if it is 0")
    parser.add_argument("-r", "--reason", default="")
    parser.add_argument("-d", "--data", default="")
    parser.add_argument("--stack")
    parser.add_argument("--resource")
    parser.add_argument("--url", help="the CloudFormation service URL")
    parser.add_argument("handle", nargs="?")
    options = _parse(parser, words)
    status = "FAILURE" if options.exit_code or options.success != "true" else "SUCCESS"
    if bool(options.handle) == bool(options.resource):
        raise SayError("Error: Specify either a WaitConditionHandle URL or a logical resource id, and not both")
    unique_id = options.id or _own_id()
    if options.handle:
        reason = options.reason or ("" if status == "SUCCESS" else "Configuration failed.")
        _put(options.handle, {"Status": status, "Reason": reason, "Data": options.data, "UniqueId": unique_id})
        print(f"CloudFormation signaled successfully with {status}.")
        return 0
    if not options.stack:
        raise SayError("Error: You must specify a stack name when signaling a resource")
    _stacks(options).signal(options.stack, options.resource, unique_id, status)
    return 0


def _own_id() -> str:
    try:
        return instance_id()
    except NotAnInstanceError:
        return socket.getfqdn()


def _put(handle: str, said: dict[str, str]) -> None:
    url = handle
    if not re.match(r"https?://", url):
        try:
            url = base64.b64decode(handle, validate=True).decode()
        except (binascii.Error, ValueError):
            url = ""
    if not re.match(r"https?://", url):
        raise SayError(f"Error: Invalid WaitConditionHandle URL specified: {handle}")
    request = urllib.request.Request(  # noqa: S310 - it is checked just above
        url, data=json.dumps(said).encode(), method="PUT", headers={"Content-Type": ""}
    )
    secure = context() if url.startswith("https:") else None
    for attempt in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=60.0, context=secure):  # noqa: S310
                return
        except OSError as error:
            if attempt == TRIES - 1 or (isinstance(error, urllib.error.HTTPError) and error.code < 500):
                raise SayError(f"Error signaling CloudFormation: {error}") from None


def hup(words: Sequence[str]) -> int:
    """`cfn-hup`: look at the metadata again and again, and run the hooks of what has changed."""
    parser = argparse.ArgumentParser(prog="cfn-hup", allow_abbrev=False)
    parser.add_argument("-c", "--config", default="/etc/cfn", help="the directory of cfn-hup.conf and hooks.d")
    parser.add_argument("-f", "--no-daemon", action="store_true", help="taken for granted: systemd runs it")
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args(words)
    log_to(LOGS, verbose=options.verbose)
    Hup(Path(options.config)).watch()
    return 0


def program(act: Callable[[Sequence[str]], int]) -> None:
    """Run one of these as a program: its status is what it says, 1 with a sentence where it cannot."""
    try:
        status = act(sys.argv[1:])
    except (SayError, RefusedError, NotAnInstanceError, BuildError) as error:
        print(error, file=sys.stderr)
        status = 1
    sys.exit(status)
