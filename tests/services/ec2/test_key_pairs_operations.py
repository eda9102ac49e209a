"""Key pairs, held against what ssh-keygen and openssl say of the same keys."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.services.ec2.net_account import NetworkAccount

# AWS, "Verify the fingerprint of your key pair": the commands whose output its fingerprints equal.
CREATED_RSA = "openssl pkcs8 -in {} -inform PEM -outform DER -topk8 -nocrypt | openssl sha1 -c"
IMPORTED_RSA = "ssh-keygen -ef {} -m PEM | openssl rsa -RSAPublicKey_in -outform DER 2>/dev/null | openssl md5 -c"
ED25519 = "ssh-keygen -l -f {} | cut -d' ' -f2 | cut -d: -f2"

needs_tools = pytest.mark.skipif(
    not (shutil.which("ssh-keygen") and shutil.which("openssl")), reason="needs ssh-keygen and openssl"
)


def said(command: str, path: Path) -> str:
    out = subprocess.run(command.format(path), shell=True, check=True, capture_output=True, text=True).stdout
    return out.split("= ")[-1].strip()


def private_file(tmp_path: Path, material: str) -> Path:
    path = tmp_path / "key.pem"
    path.write_text(material)  # as a program would, and OpenSSH has to read it
    path.chmod(0o600)
    return path


@needs_tools
@pytest.mark.parametrize(("kind", "command"), [("rsa", CREATED_RSA), ("ed25519", ED25519)])
def test_a_created_key_is_what_its_fingerprint_says(
    account: NetworkAccount, tmp_path: Path, kind: str, command: str
) -> None:
    made = account.call("CreateKeyPair", KeyName="mine", KeyType=kind)
    path = private_file(tmp_path, made["KeyMaterial"])
    assert made["KeyFingerprint"].rstrip("=") == said(command, path)
    (shown,) = account.call("DescribeKeyPairs", IncludePublicKey=True)["KeyPairs"]
    assert shown["PublicKey"].split()[:2] == said("ssh-keygen -y -f {}", path).split()[:2]
    assert shown["PublicKey"].split()[2] == "mine"
    assert (shown["KeyType"], shown["KeyFingerprint"]) == (kind, made["KeyFingerprint"])


def test_a_private_key_is_stored_nowhere(account: NetworkAccount, tmp_path: Path) -> None:
    made = account.call("CreateKeyPair", KeyName="mine", KeyType="ed25519")
    lines = made["KeyMaterial"].splitlines()[1:-1]
    account.store.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(line.encode() in stored for line in lines[1:])


@needs_tools
@pytest.mark.parametrize("options", ["-t rsa -b 2048", "-t rsa -b 3072", "-t rsa -b 4096", "-t ed25519"])
@pytest.mark.parametrize("form", ["openssh", "rfc4716", "base64"])
def test_an_imported_key_is_what_its_fingerprint_says(
    account: NetworkAccount, tmp_path: Path, options: str, form: str
) -> None:
    path = tmp_path / "key"
    subprocess.run(f"ssh-keygen -q -N '' -C me@home {options} -f {path}", shell=True, check=True)
    public = (tmp_path / "key.pub").read_bytes()
    match form:
        case "rfc4716":
            public = said("ssh-keygen -e -m RFC4716 -f {}", path).encode()
        case "base64":
            public = base64.b64encode(public)
    made = account.call("ImportKeyPair", KeyName="mine", PublicKeyMaterial=public)
    kind, command = ("rsa", IMPORTED_RSA) if "rsa" in options else ("ed25519", ED25519)
    assert made["KeyFingerprint"].rstrip("=") == said(command, path)
    (shown,) = account.call("DescribeKeyPairs", KeyNames=["mine"], IncludePublicKey=True)["KeyPairs"]
    assert shown["KeyType"] == kind
    assert shown["PublicKey"].split()[1] == (tmp_path / "key.pub").read_text().split()[1]


@needs_tools
@pytest.mark.parametrize("options", ["-t ecdsa"])
def test_keys_of_other_kinds_are_refused(account: NetworkAccount, tmp_path: Path, options: str) -> None:
    subprocess.run(f"ssh-keygen -q -N '' {options} -f {tmp_path / 'key'}", shell=True, check=True)
    public = (tmp_path / "key.pub").read_bytes()
    assert account.refusal("ImportKeyPair", KeyName="mine", PublicKeyMaterial=public) == (
        "InvalidKey.Format",
        "Key is not in valid OpenSSH public key format",
    )


@pytest.mark.parametrize("material", [b"", b"ssh-rsa", b"ssh-rsa AAAA", b"\xff\xfe", b"ssh-ed25519 %%%%", b"= ="])
def test_what_is_no_key_is_refused(account: NetworkAccount, material: bytes) -> None:
    assert account.refusal("ImportKeyPair", KeyName="mine", PublicKeyMaterial=material)[0] == "InvalidKey.Format"


def test_names_are_unique_and_deleting_is_idempotent(account: NetworkAccount) -> None:
    pair = account.call("CreateKeyPair", KeyName="mine", KeyType="ed25519")
    assert account.refusal("CreateKeyPair", KeyName="mine") == (
        "InvalidKeyPair.Duplicate",
        "The keypair 'mine' already exists.",
    )
    assert account.call("DeleteKeyPair", KeyPairId=pair["KeyPairId"])["KeyPairId"] == pair["KeyPairId"]
    assert account.call("DeleteKeyPair", KeyName="mine") == {"Return": True}
    assert account.refusal("DescribeKeyPairs", KeyNames=["mine"])[0] == "InvalidKeyPair.NotFound"


def test_other_formats_are_refused(account: NetworkAccount) -> None:
    code, message = account.refusal("CreateKeyPair", KeyName="mine", KeyFormat="ppk")
    assert code == "UnsupportedOperation"
    assert "KeyFormat" in message
