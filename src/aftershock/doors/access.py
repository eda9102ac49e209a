"""How to come into a region: its endpoint and the account's key, as environment, as AWS profile, as boto3 client."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REGION = "us-east-1"  # one region to begin with; the default of AWS's own tools
PROFILE = "aftershock"


@dataclass(frozen=True, slots=True)
class Access:
    state: Path
    api_port: int
    socks_port: int | None  # None: the region's public addresses are reached as they are
    dns_port: int
    access_key_id: str
    secret_access_key: str
    pace: float = 1.0  # of the region: how many of AWS's seconds pass in one
    api_host: str = "127.0.0.1"
    nameserver: str = "127.0.0.1"

    @property
    def endpoint(self) -> str:
        return f"http://{self.api_host}:{self.api_port}"

    @property
    def proxy(self) -> str:
        """For programs that come into the region by its names; socks5h looks names up at the other end."""
        return f"socks5h://127.0.0.1:{self.socks_port}"

    @property
    def authority(self) -> Path:
        """The certificate that vouches for AWS's endpoints inside the region, PEM."""
        return self.state / "authority" / "authority.crt"

    @property
    def own_directory(self) -> Path:
        """The clients' files; below `run`, the part of the state directory that the region itself cannot write."""
        return self.state / "run" / "clients"

    @property
    def config_file(self) -> Path:
        return self.own_directory / "config"

    @property
    def credentials_file(self) -> Path:
        return self.own_directory / "credentials"

    def environment(self) -> dict[str, str]:
        """What makes any unmodified AWS client speak to this region."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            # Else a client without other credentials asks 169.254.169.254 for some, and of this machine.
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def profile_environment(self) -> dict[str, str]:
        """The same by reference to the profile that `write_profile` has written."""
        return {
            "AWS_CONFIG_FILE": str(self.config_file),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.credentials_file),
            "AWS_PROFILE": PROFILE,
        }

    def write_profile(self) -> None:
        """Have the profile's two files in the state directory; nothing in anybody's home is touched."""
        self.own_directory.mkdir(mode=0o700, exist_ok=True)
        _write(self.config_file, _ini(f"profile {PROFILE}", self._config()))
        _write(self.credentials_file, _ini(PROFILE, self._credentials()))

    def install_profile(self, name: str) -> tuple[Path, Path]:
        """Set the profile `name` in the user's own AWS files, keeping all else that they hold; return their paths."""
        # AWS's own editor of these files: it keeps comments and foreign sections where they are.
        from awscli.customizations.configure.writer import ConfigFileWriter  # noqa: PLC0415  # slow to import

        config = Path(os.environ.get("AWS_CONFIG_FILE", "~/.aws/config")).expanduser()
        credentials = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()
        section = name if name == "default" else f"profile {name}"
        ConfigFileWriter().update_config({"__section__": section, **self._config()}, str(config))
        ConfigFileWriter().update_config({"__section__": name, **self._credentials()}, str(credentials))
        return config, credentials

    def client(self, service: str) -> Any:
        """A boto3 client of this region, whatever the environment says of others."""
        import boto3  # noqa: PLC0415  # takes half a second, which most commands do not need
        from botocore.config import Config  # noqa: PLC0415

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(retries={"mode": "standard", "max_attempts": 3}),
        )

    def _config(self) -> dict[str, str]:
        return {"region": REGION, "endpoint_url": self.endpoint, "output": "json"}

    def _credentials(self) -> dict[str, str]:
        return {"aws_access_key_id": self.access_key_id, "aws_secret_access_key": self.secret_access_key}


def inside(state: Path, endpoint: str, pace: float) -> Access:
    """The way of a program that is in the region already: the internet segment's own, without doors.

    Raises:
        FileNotFoundError: the region has never been ready.
    """
    import dns.resolver  # noqa: PLC0415  # slow to import

    parts = urlsplit(endpoint)
    names = dns.resolver.Resolver()  # as this machine is told to ask
    host, port = parts.hostname or "", parts.port or 80
    return Access(state, port, None, names.port, *read_key(state), pace, host, str(names.nameservers[0]))


def read_key(state: Path) -> tuple[str, str]:
    """The account's first access key: id and secret, from credentials.json.

    The file has the form of AWS's `credential_process`, so that a profile may also point to it.

    Raises:
        FileNotFoundError: the region has never been ready.
    """
    key = json.loads((state / "credentials.json").read_text())
    return key["AccessKeyId"], key["SecretAccessKey"]


def _ini(section: str, values: Mapping[str, str]) -> str:
    return f"[{section}]\n" + "".join(f"{name} = {value}\n" for name, value in values.items())


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    beside.replace(path)
