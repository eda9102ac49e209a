"""The base image's own part: what a machine makes of its metadata and its user data."""

import asyncio
import gzip
import socket
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from aftershock.engines.certificates import CertificateAuthority
from aftershock.engines.machines import Ended
from tests.engines.lab import Lab, Metadata, eventually, sh

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake someone"
LOG = "/var/log/cloud-init-output.log"


@pytest.fixture(scope="module")
def egress():
    """A way out for packages, as a region's NAT is."""
    sh("nft", "add table ip lab { chain out { type nat hook postrouting priority 100; oifname tap0 masquerade; }; }")
    yield
    sh("nft", "delete table ip lab")


@pytest.fixture
def metadata():
    service = Metadata()
    yield service
    service.close()


@pytest.fixture
def lab(metadata):
    lab = Lab()
    yield lab
    lab.close()


def state(lab, spec, unit="instance-init.service"):
    shown = lab.run(spec, f"systemctl show {unit}", check=False)
    properties = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    return [properties.get(name) for name in ("ActiveState", "SubState", "ExecMainStatus")]


def finished(lab, spec, *, within_s=60):
    """Wait for the end of the first boot's work; its unit's state and exit status."""

    def check():
        found = state(lab, spec)
        assert found[:2] in (["active", "exited"], ["failed", "failed"]), (
            found,
            lab.machines.console(spec.name).decode(),
        )
        return found

    return eventually(check, within_s=within_s)


def started(lab, metadata, user_data=None, *, name="guest", instance_id="i-0123456789abcdef0", **more):
    metadata.describe(instance_id, user_data, **more)
    spec = lab.spec(name)
    lab.ensure(spec)
    return spec


def test_a_script_runs_once_as_root_from_the_root_directory_and_its_output_is_in_the_log_and_on_the_console(
    lab, metadata
):
    script = b"#!/bin/bash\nid -un; pwd; echo to-stderr >&2; echo ran >> /root/ran\n"
    spec = started(lab, metadata, script)
    assert finished(lab, spec) == ["active", "exited", "0"]
    log = lab.run(spec, f"cat {LOG}")
    assert "\nroot\n/\nto-stderr\n" in log
    eventually(lambda: _in(b"to-stderr\r\n", lab.machines.console(spec.name)))
    assert lab.run(spec, "cat /var/lib/cloud/instance/user-data.txt").encode() == script
    assert lab.run(spec, "readlink -f /var/lib/cloud/instance/scripts/part-001") == (
        "/var/lib/cloud/instances/i-0123456789abcdef0/scripts/part-001\n"
    )
    assert "status: done" in lab.run(spec, "cloud-init status --wait")
    asyncio.run(lab.machines.stop(spec.name, 10))
    lab.ensure(spec)
    assert finished(lab, spec) == ["active", "exited", "0"]
    assert lab.run(spec, "cat /root/ran") == "ran\n"


def test_another_instance_on_a_captured_disk_runs_its_own_user_data_and_makes_its_own_host_keys(lab, metadata):
    first = started(lab, metadata, b"#!/bin/sh\necho first >> /root/ran\n")
    finished(lab, first)
    lab.run(first, "systemctl start ssh-host-keys")
    asyncio.run(lab.machines.stop(first.name, 10))
    asyncio.run(lab.volumes.capture(first.volume, "golden"))
    metadata.describe("i-2", b"#!/bin/sh\necho second >> /root/ran\n")
    second = lab.spec("second", layers=(lab.base, "golden"))
    lab.ensure(second)
    finished(lab, second)
    assert lab.run(second, "cat /root/ran") == "first\nsecond\n"
    lab.run(second, "systemctl start ssh-host-keys")
    asyncio.run(lab.machines.kill(second.name))
    keys = [lab.volumes.upper(spec.volume) / "etc/ssh/ssh_host_ed25519_key.pub" for spec in (first, second)]
    assert keys[0].read_text() != keys[1].read_text()


def test_a_script_with_the_line_ends_of_windows_runs(lab, metadata):
    script = b"#!/bin/sh\r\necho 'one\rtwo' > /root/ran\r\n"
    spec = started(lab, metadata, script)
    assert finished(lab, spec) == ["active", "exited", "0"]
    assert lab.run(spec, "od -An -c /root/ran | tr -d ' \n'") == "one\\rtwo\\n"
    assert lab.run(spec, "od -An -c /var/lib/cloud/instance/user-data.txt | grep -c '\\\\r'") != "0\n"


def test_a_failing_script_marks_the_unit_failed_and_the_boot_goes_on(lab, metadata):
    spec = started(lab, metadata, b"#!/bin/sh\necho before\nexit 7\n")
    assert finished(lab, spec) == ["failed", "failed", "7"]
    lab.booted(spec)
    eventually(lambda: _in(b"FAILED with exit status 7", lab.machines.console(spec.name)))
    assert "status: error" in lab.run(spec, "cloud-init status --wait", check=False)


def test_a_long_script_does_not_hold_up_the_boot_and_may_start_units_and_leave_processes_behind(lab, metadata):
    script = (
        b"#!/bin/sh\nuntil [ -e /root/go ]; do sleep 0.1; done\n"
        b"printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n[Install]\\n"
        b"WantedBy=multi-user.target\\n' > /etc/systemd/system/app.service\n"
        b"systemctl enable --now app.service\nsystemctl is-active app.service\n"
        b"nohup sleep 1000 &\n"
    )
    spec = started(lab, metadata, script)
    lab.booted(spec)
    eventually(lambda: _equal(state(lab, spec)[:2], ["active", "running"]))
    lab.run(spec, "touch /root/go")
    assert finished(lab, spec) == ["active", "exited", "0"]
    assert "\nactive\n" in lab.run(spec, f"cat {LOG}")
    assert lab.run(spec, "pgrep -x sleep")


@pytest.mark.parametrize(
    ("command", "cause"), [("reboot", "reboot"), ("shutdown -h now", "poweroff"), ("systemctl poweroff", "poweroff")]
)
def test_a_script_may_end_its_machine_and_is_not_run_again(lab, metadata, command, cause):
    spec = started(lab, metadata, f"#!/bin/sh\necho ran >> /root/ran\n{command}\nsleep 100\n".encode())
    ended = eventually(lambda: _is_ended(lab.observe(spec)))
    assert ended.exit.cause == cause
    lab.ensure(spec)
    finished(lab, spec)
    assert lab.run(spec, "cat /root/ran") == "ran\n"


def test_cloud_config_is_done_by_the_real_cloud_init(lab, metadata):
    config = b"""#cloud-config
write_files:
  - path: /root/written
    content: by write_files
users:
  - default
  - name: alice
    shell: /bin/bash
bootcmd:
  - echo by bootcmd > /root/booted
runcmd:
  - [sh, -c, "echo by runcmd on $(hostname) > /root/run"]
  - echo to the log
"""
    spec = started(lab, metadata, config, **{"meta-data/public-keys/0/openssh-key": KEY.encode()})
    assert finished(lab, spec) == ["active", "exited", "0"], lab.machines.console(spec.name).decode()
    found = lab.run(spec, "cat /root/written /root/booted /root/run; id -u alice; cat /home/admin/.ssh/authorized_keys")
    assert found.splitlines() == ["by write_filesby bootcmd", f"by runcmd on {spec.name}", "1001", KEY]
    log = lab.run(spec, f"cat {LOG}")
    assert "to the log" in log and "finished at" in log and "Datasource DataSourceNoCloud" in log
    assert "status: done" in lab.run(spec, "cloud-init status --wait")


MULTIPART = b"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=="

--==
Content-Type: text/cloud-config

#cloud-config
write_files: [{path: /root/one, content: "one\\n"}]
--==
Content-Type: text/x-shellscript

#!/bin/sh
echo two > /root/two
--==--
"""


@pytest.mark.parametrize(
    ("user_data", "expected"),
    [
        (MULTIPART, "one\ntwo\n"),
        (gzip.compress(b"#!/bin/sh\necho zipped > /root/one\n"), "zipped\n"),
        (b"## template: jinja\n#!/bin/sh\necho {{ v1.instance_id }} > /root/one\n", "i-0123456789abcdef0\n"),
    ],
    ids=["multipart", "gzip", "jinja"],
)
def test_other_forms_of_user_data_are_done_by_the_real_cloud_init(lab, metadata, user_data, expected):
    spec = started(lab, metadata, user_data)
    assert finished(lab, spec) == ["active", "exited", "0"], lab.machines.console(spec.name).decode()
    assert lab.run(spec, "cat /root/one /root/two 2>/dev/null", check=False) == expected


def test_the_key_pair_lets_admin_in_and_tells_root_to_come_as_admin(lab, metadata, tmp_path):
    key = tmp_path / "key"
    sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    public = key.with_suffix(".pub").read_bytes()
    spec = started(lab, metadata, **{"meta-data/public-keys/0/openssh-key": public})
    finished(lab, spec)

    def ssh(user, *command):
        options = [
            "-i",
            key,
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "BatchMode=yes",
        ]
        return subprocess.run(
            ["ssh", *options, f"{user}@{lab.networks[spec.name]}", *command],
            check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip

    done = ssh("admin", "id -un; sudo id -un; sudo su - admin -c 'echo $HOME'")
    assert done.stdout == "admin\nroot\n/home/admin\n", done.stderr
    asroot = ssh("root", "true")
    assert asroot.returncode == 142 and 'Please login as the user "admin" rather than the user "root".' in asroot.stdout


def test_a_boot_waits_for_a_metadata_service_that_comes_late_and_not_the_machine_for_it(lab, metadata):
    metadata.close()
    spec = started(lab, metadata, b"#!/bin/sh\ntouch /root/ran\n")
    lab.booted(spec)
    late = Metadata()
    late.describe("i-1", b"#!/bin/sh\ntouch /root/ran\n")
    try:
        assert finished(lab, spec) == ["active", "exited", "0"]
        lab.run(spec, "test -e /root/ran")
    finally:
        late.close()


def test_a_boot_without_user_data_starts_no_python_and_runs_nothing(lab, metadata):
    spec = started(lab, metadata)
    assert finished(lab, spec) == ["active", "exited", "0"]
    assert not lab.run(spec, f"ls {LOG} /root/ran 2>/dev/null", check=False)
    assert lab.run(spec, "systemctl --failed --no-legend") == ""
    assert lab.run(spec, "journalctl -p err -q --no-pager") == ""


def test_hostnamectl_loginctl_and_journalctl_answer(lab, metadata):
    spec = started(lab, metadata)
    lab.booted(spec)
    assert f"Static hostname: {spec.name}" in lab.run(spec, "hostnamectl")
    lab.run(spec, "loginctl")
    assert "Reached target" in lab.run(spec, "journalctl --no-pager")


AUTHORITY, BUNDLE = "/usr/local/share/ca-certificates/aftershock-region.crt", "/etc/ssl/certs/ca-certificates.crt"


def test_the_regions_authority_is_trusted_from_the_first_boot_and_another_regions_no_more(lab, metadata, tmp_path):
    ours, theirs = (authority(tmp_path / name) for name in ("ours", "theirs"))
    metadata.describe("i-1")
    spec = lab.spec("guest", files={AUTHORITY: ours})

    def trusted():
        """How often each is in the bundle, and how many there are."""
        finished(lab, spec)
        found = lab.run(spec, f"cat {BUNDLE}")
        return found.count(ours.decode()), found.count(theirs.decode()), found.count("BEGIN")

    lab.ensure(spec)
    first = trusted()
    assert first[:2] == (1, 0) and first[2] > 100
    asyncio.run(lab.machines.stop(spec.name, 10))
    lab.ensure(spec)
    assert trusted() == first
    lab.run(spec, "update-ca-certificates")
    assert trusted() == first
    asyncio.run(lab.machines.stop(spec.name, 10))
    lab.ensure(replace(spec, files={AUTHORITY: theirs}))
    assert trusted() == (0, 1, first[2])


def authority(directory):
    made = CertificateAuthority(directory)
    made.ensure(datetime.now(UTC))
    return made.certificate.read_bytes()


@pytest.mark.usefixtures("egress")
def test_nginx_is_installed_and_started_by_user_data_as_on_any_server(lab, metadata):
    script = b"#!/bin/bash\nset -e\napt-get update\napt-get install -y nginx\nsystemctl enable --now nginx\n"
    spec = started(lab, metadata, script)
    assert finished(lab, spec, within_s=200) == ["active", "exited", "0"], lab.machines.console(spec.name).decode()
    assert state(lab, spec, "nginx.service")[:2] == ["active", "running"]
    with socket.create_connection((lab.networks[spec.name], 80), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"200 OK" in connection.recv(1000)


def _in(part, whole):
    assert part in whole, whole


def _equal(one, other):
    assert one == other


def _is_ended(observed):
    assert isinstance(observed, Ended), observed
    return observed
