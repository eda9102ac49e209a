"""The yardstick, run inside the region: runc alone starts the same root, until the same web process answers.

Arguments: a lower-directory list as overlayfs has it, the config.json of a machine with that root, and how many times.
Prints two seconds a line: from mounting the root to the web process answering, first with the root's own init, which
starts it as a service, in a network namespace of its own; then with the web process alone as the first process and
with no network of its own, which is what a container image would do.  No limits, no firewall, no disk, no console.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

PROGRAM = ["/usr/bin/python3", "-I", "/opt/whatisthetime/whatisthetime.py"]
PORT = 8099
HOST, GUEST = "192.0.2.1", "192.0.2.2"  # RFC 5737
RUNC = ["runc", "--root", "/run/aftershock-bench-runc"]
GROUND = Path("/run/aftershock/ground.json")
LIMIT_S = 20.0


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def whole(config: dict[str, Any], name: str) -> tuple[dict[str, Any], Callable[[], None], str, int]:
    """The root with its own init; a version 2 cgroup is what systemd cannot be without."""
    directories = [Path(one["path"], name) for one in json.loads(GROUND.read_text())["cgroups"] if one["v2"]]
    for directory in directories:
        directory.mkdir()
    config["process"]["terminal"] = False
    for space in config["linux"]["namespaces"]:
        if space["type"] == "network":
            space["path"] = f"/run/netns/{name}"

    def prepare() -> None:
        ip("netns", "add", name)
        ip("link", "add", "bare0", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("address", "add", f"{HOST}/30", "dev", "bare0")
        ip("link", "set", "bare0", "up")
        ip("-n", name, "address", "add", f"{GUEST}/30", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")

    return config, prepare, GUEST, 80


def alone(config: dict[str, Any], name: str) -> tuple[dict[str, Any], Callable[[], None], str, int]:
    """The web process as the first and only one."""
    config["process"] |= {"terminal": False, "args": [*PROGRAM, str(PORT)]}
    config["linux"]["namespaces"] = [one for one in config["linux"]["namespaces"] if one["type"] != "network"]
    return config, lambda: None, "127.0.0.1", PORT


def start(lower: str, template: Path, name: str, kind: Callable[..., Any]) -> float:
    # Beside the volumes, so that the upper directory lies on the same file system as theirs.
    with tempfile.TemporaryDirectory(dir="/run/aftershock/state") as top:
        directory = Path(top)
        for part in ("upper", "work", "rootfs"):
            (directory / part).mkdir()
        config, prepare, host, port = kind(json.loads(template.read_text()), name)
        config["root"]["path"] = str(directory / "rootfs")
        (directory / "config.json").write_text(json.dumps(config))
        joined = "".join(f"echo $$ > {path}/cgroup.procs; " for path in cgroups(name))
        command = f"{joined}exec {' '.join(RUNC)} run -b {directory} {name}"
        began = time.monotonic()
        prepare()
        options = f"lowerdir={lower},upperdir={directory}/upper,workdir={directory}/work,userxattr"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(directory / "rootfs")], check=True)
        process = subprocess.Popen(["sh", "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            wait_answer(host, port, began)
            return time.monotonic() - began
        finally:
            clear(name, process, directory)


def cgroups(name: str) -> list[Path]:
    found = (Path(one["path"], name) for one in json.loads(GROUND.read_text())["cgroups"])
    return [path for path in found if path.is_dir()]


def clear(name: str, process: subprocess.Popen[bytes], directory: Path) -> None:
    subprocess.run([*RUNC, "kill", name, "KILL"], check=False)
    process.wait()
    subprocess.run([*RUNC, "delete", "-f", name], check=False)
    subprocess.run(["umount", str(directory / "rootfs")], check=True)
    shutil.rmtree(directory / "work", ignore_errors=True)
    for path in cgroups(name):
        for below in sorted(path.rglob("*/"), reverse=True):
            below.rmdir()
        path.rmdir()
    if Path(f"/run/netns/{name}").exists():
        ip("netns", "delete", name)
        while Path("/sys/class/net/bare0").exists():
            time.sleep(0.01)


def wait_answer(host: str, port: int, began: float) -> None:
    while time.monotonic() - began < LIMIT_S:
        connection = HTTPConnection(host, port, timeout=0.1)
        try:
            connection.request("GET", "/health")
            connection.getresponse().read()
        except (OSError, HTTPException):
            time.sleep(0.002)
        else:
            return
        finally:
            connection.close()
    raise SystemExit("the bare process did not answer")


if __name__ == "__main__":
    lower, template, times = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    for number in range(times):
        print(*(start(lower, template, f"bare-{kind.__name__}-{number}", kind) for kind in (whole, alone)), flush=True)
