"""The yardstick, run inside the region: runc alone starts the same web process on the same root.

Arguments: a lower-directory list as overlayfs has it, how many times, and a port.  Prints seconds, one a line: from
mounting the root to the web process answering.  No systemd, no network of its own, no disk of its own.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

PROGRAM = ["/usr/bin/python3", "-I", "/opt/whatisthetime/whatisthetime.py"]
RUNC = ["runc", "--root", "/run/aftershock-bench-runc"]
LIMIT_S = 20.0


def bundle(directory: Path, port: int) -> None:
    subprocess.run([*RUNC, "spec", "-b", str(directory)], check=True)
    path = directory / "config.json"
    config = json.loads(path.read_text())
    config["process"] |= {"terminal": False, "args": [*PROGRAM, str(port)]}
    config["root"] = {"path": "rootfs", "readonly": False}
    config["linux"]["namespaces"] = [one for one in config["linux"]["namespaces"] if one["type"] != "network"]
    config["linux"].pop("resources", None)
    config["mounts"] = [one for one in config["mounts"] if one["type"] in ("proc", "tmpfs")]
    path.write_text(json.dumps(config))


def start(lower: str, port: int, number: int) -> float:
    # Beside the volumes, so that the upper directory lies on the same file system as theirs.
    with tempfile.TemporaryDirectory(dir="/run/aftershock/state") as top:
        directory = Path(top)
        for name in ("upper", "work", "rootfs"):
            (directory / name).mkdir()
        bundle(directory, port)
        began = time.monotonic()
        options = f"lowerdir={lower},upperdir={directory}/upper,workdir={directory}/work,userxattr"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(directory / "rootfs")], check=True)
        name = f"bare-{number}"
        process = subprocess.Popen(
            [*RUNC, "run", "-b", str(directory), name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        try:
            wait_answer(port, began)
            return time.monotonic() - began
        finally:
            subprocess.run([*RUNC, "kill", name, "KILL"], check=False)
            process.wait()
            subprocess.run([*RUNC, "delete", "-f", name], check=False)
            subprocess.run(["umount", str(directory / "rootfs")], check=True)
            shutil.rmtree(directory / "work", ignore_errors=True)


def wait_answer(port: int, began: float) -> None:
    while time.monotonic() - began < LIMIT_S:
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
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
    lower, times, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    for number in range(times):
        print(start(lower, port, number), flush=True)
