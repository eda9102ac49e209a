"""Clients that trust the authority accept what it issues, and no others do."""

import datetime
import socket
import ssl
import stat
import threading

import pytest

from aftershock.engines.certificates import CertificateAuthority

NOW = datetime.datetime.now(datetime.UTC)
HOSTS = ["ec2.us-east-1.amazonaws.com", "*.us-east-1.amazonaws.com", "127.0.0.1"]


@pytest.fixture
def authority(tmp_path):
    authority = CertificateAuthority(tmp_path / "authority")
    authority.ensure(NOW)
    return authority


def handshake(issued, trusted, name):
    """Whether a real TLS client that trusts `trusted` accepts a server with this certificate under this name."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(issued.chain, issued.key)
    ours, theirs = socket.socketpair()

    def serve():
        try:
            server.wrap_socket(ours, server_side=True).recv(1)
        except (ssl.SSLError, OSError):
            pass
        finally:
            ours.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        ssl.create_default_context(cafile=trusted).wrap_socket(theirs, server_hostname=name).close()
    finally:
        theirs.close()
        thread.join(5)


@pytest.mark.parametrize("name", ["ec2.us-east-1.amazonaws.com", "ssm.us-east-1.amazonaws.com", "127.0.0.1"])
def test_a_client_that_trusts_the_authority_accepts_the_server(authority, name):
    handshake(authority.issue("api", HOSTS, NOW), authority.certificate, name)


def test_another_name_is_refused(authority):
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.issue("api", HOSTS, NOW), authority.certificate, "example.com")


def test_another_authority_is_not_trusted(authority, tmp_path):
    stranger = CertificateAuthority(tmp_path / "stranger")
    stranger.ensure(NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.issue("api", HOSTS, NOW), stranger.certificate, HOSTS[0])


def test_authority_and_certificate_are_made_once(authority, tmp_path):
    first = authority.issue("api", HOSTS, NOW)
    before = (authority.certificate.read_bytes(), first.chain.read_bytes())
    again = CertificateAuthority(tmp_path / "authority")
    again.ensure(NOW)
    assert (again.certificate.read_bytes(), again.issue("api", HOSTS, NOW).chain.read_bytes()) == before


@pytest.mark.parametrize("hosts, now", [([*HOSTS, "more.example"], NOW), (HOSTS, NOW + datetime.timedelta(days=380))])
def test_it_is_issued_anew_for_other_names_and_before_it_expires(authority, hosts, now):
    before = authority.issue("api", HOSTS, NOW).chain.read_bytes()
    assert authority.issue("api", hosts, now).chain.read_bytes() != before


def test_a_half_written_certificate_is_replaced(authority):
    issued = authority.issue("api", HOSTS, NOW)
    issued.key.write_bytes(b"")
    handshake(authority.issue("api", HOSTS, NOW), authority.certificate, HOSTS[0])


def test_keys_are_for_their_owner_only(authority, tmp_path):
    authority.issue("api", HOSTS, NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "authority").glob("*.key")}
    assert modes == {"authority.key": 0o600, "api.key": 0o600}
