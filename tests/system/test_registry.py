"""ECR of a whole region: images through the loopback door and from an instance, and the death of the control plane."""

import hashlib
import http.client
import json
import os
import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.conftest import eventually
from tests.region import Region

MIB = 2**20
CONFIG = b"{}"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def stored(region: Region) -> list[Path]:
    return [path for path in (region.state / "layers").rglob("*") if path.is_file()]


class Registry:
    """A container client's words, by the registry's name, to the loopback door."""

    def __init__(self, region: Region) -> None:
        self._port = region.running.ports["api"]
        (found,) = region.client("ecr").get_authorization_token()["authorizationData"]
        host = found["proxyEndpoint"].removeprefix("https://")
        self.headers = {"Host": host, "Authorization": f"Basic {found['authorizationToken']}"}

    def begin(self, method: str, path: str, **headers: str) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.putrequest(method, path, skip_host=True)
        for name, value in {**self.headers, **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        return connection

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
        connection = self.begin(method, path, Content_Length=str(len(body)), **headers)
        try:
            connection.endheaders(body)
            response = connection.getresponse()
            return SimpleNamespace(status=response.status, headers=response.headers, body=response.read())
        finally:
            connection.close()

    def push(self, name: str, tag: str, layer: bytes) -> str:
        for data in (CONFIG, layer):
            answer = self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}", data)
            assert answer.status == 201, answer.body
        described = [{"mediaType": "any/layer", "digest": digest_of(one), "size": len(one)} for one in (CONFIG, layer)]
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": described[0],
            "layers": described[1:],
        }
        answer = self.ask("PUT", f"/v2/{name}/manifests/{tag}", json.dumps(manifest).encode())
        assert answer.status == 201, answer.body
        return str(answer.headers["Docker-Content-Digest"])


def test_an_instance_pulls_by_the_registrys_name_what_was_pushed_from_the_host(region: Region) -> None:
    region.client("ecr").create_repository(repositoryName="team/web")
    layer, registry = os.urandom(5 * MIB), Registry(region)
    digest = registry.push("team/web", "v1", layer)
    instance = region.run()["InstanceId"]
    region.in_state(instance, "running")
    base = f"https://{registry.headers['Host']}/v2/team/web"
    code = (
        "import hashlib, sys, urllib.request as r\n"
        "for url in sys.argv[2:]:\n"
        " asked = r.Request(url, headers={'Authorization': sys.argv[1]})\n"
        " print('sha256:' + hashlib.sha256(r.urlopen(asked).read()).hexdigest())"
    )
    words = ["python3", "-c", code, registry.headers["Authorization"]]
    words += [f"{base}/manifests/v1", f"{base}/blobs/{digest_of(layer)}"]

    def pulled() -> None:
        assert region.inside(instance, shlex.join(words)).split() == [digest, digest_of(layer)]

    eventually(pulled, within_s=60)
    region.reset()
    assert stored(region) == []


def test_an_upload_goes_on_after_the_control_plane_was_killed_in_its_middle(region: Region) -> None:
    region.client("ecr").create_repository(repositoryName="web")
    registry, first, second = Registry(region), os.urandom(3 * MIB), os.urandom(20 * MIB)
    place = registry.ask("POST", "/v2/web/blobs/uploads/").headers["Location"]
    assert registry.ask("PATCH", place, first).status == 202
    cut = registry.begin("PATCH", place, Content_Length=str(len(second)))
    cut.endheaders(second[: 15 * MIB])

    def some_came() -> None:
        assert any(path.stat().st_size > 5 * MIB for path in stored(region) if path.parent.name == "drafts")

    eventually(some_came)
    region.kill_control()
    cut.close()
    region.wait_ready()
    assert [path for path in stored(region) if path.parent.name == "drafts"] == []
    assert registry.ask("GET", place).headers["Range"] == f"0-{len(first) - 1}"
    whole = first + second
    assert registry.ask("PUT", f"{place}?digest={digest_of(whole)}", second).status == 201
    assert registry.ask("GET", f"/v2/web/blobs/{digest_of(whole)}").body == whole
