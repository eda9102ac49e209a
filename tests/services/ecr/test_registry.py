"""The registry's own protocol, spoken to the real door by a client that has no library for it."""

import base64
import hashlib
import http.client
import json
import os
import secrets
import threading
from datetime import timedelta
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from aftershock.services.ecr.records import LAYERS, TOKENS
from aftershock.services.ecr.rules import manifests
from aftershock.services.ecr.tokens import PASSWORD_GOOD
from tests.conftest import eventually
from tests.services.ecr.world import CONFIG, HOST, digest_of, index, manifest

ABSENT = "sha256:" + "0" * 64
MIB = 2**20


class Registry:
    """Speaks as container clients do, by the registry's own name."""

    def __init__(self, door):
        self.door = door
        self.api = door.client("ecr")
        self.name = f"team/r{secrets.token_hex(4)}"
        self.api.create_repository(repositoryName=self.name)
        (found,) = self.api.get_authorization_token()["authorizationData"]
        assert found["proxyEndpoint"] == f"https://{HOST}"
        self.authorization = f"Basic {found['authorizationToken']}"

    def ask(self, method, path, body=b"", *, host=HOST, authorization=True, **headers):
        """Any answer; its JSON where it is some."""
        shown = {"Authorization": self.authorization} if authorization is True else authorization or {}
        connection = http.client.HTTPConnection(urlsplit(self.door.url).netloc, timeout=30)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, {"Host": host, **shown, **sent})
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        kind = response.headers.get("Content-Type", "")
        return SimpleNamespace(
            status=response.status,
            headers=response.headers,
            body=data,
            json=json.loads(data) if kind == "application/json" and data else None,
        )

    def at(self, rest, name=None):
        return f"/v2/{name or self.name}/{rest}"

    def refused(self, method, path, body=b"", **headers):
        answer = self.ask(method, path, body, **headers)
        (error,) = answer.json["errors"]
        assert error["message"]
        return answer.status, error["code"]

    def begin(self):
        answer = self.ask("POST", self.at("blobs/uploads/"))
        assert answer.status == 202
        assert answer.headers["Range"] == "0-0"
        return answer.headers["Location"]

    def blob(self, data):
        answer = self.ask("POST", self.at(f"blobs/uploads/?digest={digest_of(data)}"), data)
        assert answer.status == 201
        return digest_of(data)

    def image(self, *layers, tag):
        for data in (CONFIG, *layers):
            self.blob(data)
        text = manifest(*layers)
        answer = self.ask("PUT", self.at(f"manifests/{tag}"), text.encode(), Content_Type=manifests.OCI)
        assert answer.status == 201, answer.body
        assert answer.headers["Docker-Content-Digest"] == digest_of(text.encode())
        return text.encode()


@pytest.fixture
def registry(door):
    return Registry(door)


# --- who may come in -----------------------------------------------------------------------------------------------


def test_who_shows_nothing_is_told_how_to_log_in(registry):
    answer = registry.ask("GET", "/v2/", authorization=None)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == f'Basic realm="https://{HOST}/",service="ecr.amazonaws.com"'
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert answer.json["errors"][0]["code"] == "UNAUTHORIZED"
    assert registry.ask("GET", "/v2/").status == 200


def test_the_regions_own_address_serves_who_is_not_signed_for_something_else(registry):
    local = urlsplit(registry.door.url).netloc
    assert registry.ask("GET", "/v2/", host=local).status == 200
    assert registry.ask("GET", "/v2/", host=local, authorization=None).status == 401
    assert registry.ask("GET", "/v2/", host=f"v2.{HOST}").status != 200
    answer = registry.ask("GET", "/v2/x", host=local, authorization={"Authorization": "AWS4-HMAC-SHA256 Credential=x"})
    assert "Docker-Distribution-Api-Version" not in answer.headers


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    "shown",
    [
        basic("AWS:wrong"),
        basic("AWS:"),
        basic("AWS"),
        basic("root:x"),
        {"Authorization": "Basic %%%"},
        {"Authorization": "Basic /w=="},
        {"Authorization": "Bearer x"},
        {"Authorization": ""},
    ],
)
def test_a_password_that_is_none_opens_nothing(registry, shown):
    assert registry.ask("GET", "/v2/", authorization=shown).status == 401


def test_a_password_is_good_for_twelve_hours(registry):
    (found,) = registry.api.get_authorization_token()["authorizationData"]
    password = base64.b64decode(found["authorizationToken"]).decode().removeprefix("AWS:")
    shown = {"Authorization": f"Basic {found['authorizationToken']}"}
    assert registry.ask("GET", "/v2/", authorization=shown).status == 200

    def expire(store):
        with store.transaction() as tx:
            token = TOKENS.get(tx, hashlib.sha256(password.encode()).hexdigest())
            TOKENS.put(tx, replace(token, expires_at=token.expires_at - PASSWORD_GOOD))
            return token.expires_at

    assert abs(inside(registry.door, expire) - found["expiresAt"]) < timedelta(seconds=1)
    answer = registry.ask("GET", "/v2/", authorization=shown)
    assert answer.status == 403
    assert answer.json["errors"][0] == {
        "code": "DENIED",
        "message": "Your authorization token has expired. Reauthenticate and try again.",
    }


def inside(door, act):
    """Run in the thread that the store belongs to."""
    done = threading.Event()
    found = []

    def run():
        found.append(act(door.store))
        done.set()

    door._loop.call_soon_threadsafe(run)
    assert done.wait(20)
    return found[0]


# --- pushing and pulling -------------------------------------------------------------------------------------------


def test_an_image_goes_in_and_comes_out_as_it_was(registry):
    layer = os.urandom(3 * MIB)
    text = registry.image(layer, b"small", tag="v1")
    for reference in ("v1", digest_of(text)):
        answer = registry.ask("GET", registry.at(f"manifests/{reference}"))
        assert (answer.status, answer.body) == (200, text)
        assert answer.headers["Content-Type"] == manifests.OCI
        head = registry.ask("HEAD", registry.at(f"manifests/{reference}"))
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == str(len(text))
        assert head.headers["Docker-Content-Digest"] == digest_of(text)
    answer = registry.ask("GET", registry.at(f"blobs/{digest_of(layer)}"))
    assert answer.body == layer
    head = registry.ask("HEAD", registry.at(f"blobs/{digest_of(layer)}"))
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(layer)))
    assert registry.ask("GET", registry.at("tags/list")).json == {"name": registry.name, "tags": ["v1"]}
    (seen,) = registry.api.describe_images(repositoryName=registry.name)["imageDetails"]
    assert seen["imageDigest"] == digest_of(text)
    assert seen["imageSizeInBytes"] == len(layer) + len(b"small") + len(CONFIG)


def test_a_layer_comes_in_chunks_and_is_read_in_parts(registry):
    data = os.urandom(2 * MIB + 7)
    place = registry.begin()
    for first in range(0, len(data) - 5, MIB):
        chunk = data[first : first + MIB][: len(data) - 5 - first]
        told = f"{first}-{first + len(chunk) - 1}"
        answer = registry.ask("PATCH", place, chunk, Content_Range=told)
        assert answer.status == 202, answer.body
        assert answer.headers["Range"] == f"0-{first + len(chunk) - 1}"
    state = registry.ask("GET", place)
    assert (state.status, state.headers["Range"]) == (204, f"0-{len(data) - 6}")
    answer = registry.ask("PUT", f"{place}?digest={digest_of(data)}", data[-5:])
    assert answer.status == 201, answer.body
    assert registry.ask("GET", answer.headers["Location"]).body == data
    assert registry.refused("GET", place) == (404, "BLOB_UPLOAD_UNKNOWN")
    for text, part in (("bytes=1048570-1048580", data[1048570:1048581]), ("bytes=-4", data[-4:])):
        answer = registry.ask("GET", registry.at(f"blobs/{digest_of(data)}"), Range=text)
        assert (answer.status, answer.body) == (206, part)
    answer = registry.ask("GET", registry.at(f"blobs/{digest_of(data)}"), Range=f"bytes={len(data)}-")
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(data)}")


def test_a_chunk_in_the_wrong_place_is_refused_with_what_there_is(registry):
    place = registry.begin()
    registry.ask("PATCH", place, b"0123456789")
    answer = registry.ask("PATCH", place, b"abc", Content_Range="5-7")
    assert answer.status == 416
    assert answer.headers["Range"] == "0-9"
    assert answer.json["errors"][0]["code"] == "BLOB_UPLOAD_INVALID"
    assert registry.refused("PATCH", place, b"abc", Content_Range="10-99") == (400, "SIZE_INVALID")
    assert registry.refused("PATCH", place, b"abc", Content_Range="much") == (400, "SIZE_INVALID")
    assert registry.ask("PATCH", place, b"abc", Content_Range="10-12").status == 202
    assert registry.ask("PUT", f"{place}?digest={digest_of(b'0123456789abc')}").status == 201


def test_a_layer_whose_bytes_are_others_is_not_taken(registry):
    path = registry.at(f"blobs/uploads/?digest={digest_of(b'this')}")
    assert registry.refused("POST", path, b"that") == (400, "DIGEST_INVALID")
    place = registry.begin()
    assert registry.refused("PUT", f"{place}?digest={digest_of(b'this')}", b"that") == (400, "DIGEST_INVALID")
    assert registry.refused("PUT", place, b"this") == (400, "DIGEST_INVALID")
    assert registry.ask("HEAD", registry.at(f"blobs/{digest_of(b'this')}")).status == 404
    assert registry.ask("PUT", f"{place}?digest={digest_of(b'this')}", b"this").status == 201


def test_an_empty_layer_is_one_too(registry):
    place = registry.begin()
    assert registry.ask("PUT", f"{place}?digest={digest_of(b'')}").status == 201
    answer = registry.ask("GET", registry.at(f"blobs/{digest_of(b'')}"))
    assert (answer.status, answer.body) == (200, b"")


def test_an_upload_is_cancelled(registry):
    place = registry.begin()
    assert registry.ask("DELETE", place).status == 204
    assert registry.refused("PATCH", place, b"x") == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_layer_of_another_repository_is_taken_over(registry):
    registry.blob(b"shared layer")
    other = Registry(registry.door)
    digest = digest_of(b"shared layer")
    answer = other.ask("POST", other.at(f"blobs/uploads/?mount={digest}&from={registry.name}"))
    assert answer.status == 201
    assert other.ask("GET", answer.headers["Location"]).body == b"shared layer"
    registry.api.delete_repository(repositoryName=registry.name, force=True)
    assert other.ask("GET", other.at(f"blobs/{digest}")).body == b"shared layer"
    for query in (f"mount={ABSENT}&from={other.name}", f"mount={digest}", f"mount={digest}&from=../x", "mount=x"):
        answer = other.ask("POST", other.at(f"blobs/uploads/?{query}"))
        assert answer.status == 202, "there is nothing to take over, so an upload begins"


def half_a_chunk(registry, place, data, size):
    """A client that has sent so much of its chunk."""
    connection = http.client.HTTPConnection(urlsplit(registry.door.url).netloc, timeout=30)
    connection.putrequest("PATCH", place, skip_host=True)
    for name, value in {
        "Host": HOST,
        "Authorization": registry.authorization,
        "Content-Length": str(size),
        "Content-Range": f"0-{size - 1}",
    }.items():
        connection.putheader(name, value)
    connection.endheaders(data)
    return connection


def test_of_two_chunks_for_the_same_place_one_comes_too_late(registry):
    place = registry.begin()
    slow = half_a_chunk(registry, place, b"sl", 4)
    assert registry.ask("GET", place).headers["Range"] == "0-0"
    assert registry.ask("PATCH", place, b"fast").status == 202
    slow.send(b"ow")
    answer = slow.getresponse()
    assert answer.status == 416
    assert json.loads(answer.read())["errors"][0]["code"] == "BLOB_UPLOAD_INVALID"
    slow.close()
    assert registry.ask("PUT", f"{place}?digest={digest_of(b'fast')}").status == 201


def test_a_client_that_goes_away_leaves_nothing(registry):
    place = registry.begin()
    half_a_chunk(registry, place, os.urandom(2 * MIB), 8 * MIB).close()

    def nothing_came():
        answer = registry.ask("GET", place)
        assert answer.headers["Range"] == "0-0"

    eventually(nothing_came)
    assert registry.ask("PATCH", place, b"all of it").status == 202
    assert registry.ask("PUT", f"{place}?digest={digest_of(b'all of it')}").status == 201


# --- manifests -----------------------------------------------------------------------------------------------------


def test_a_list_of_manifests_is_an_image_too(registry):
    child = registry.image(b"amd64", tag="amd64")
    both = index(child.decode()).encode()
    answer = registry.ask("PUT", registry.at("manifests/all"), both, Content_Type=manifests.OCI_INDEX)
    assert answer.status == 201
    assert registry.ask("GET", registry.at("manifests/all")).body == both
    assert registry.refused("DELETE", registry.at(f"manifests/{digest_of(child)}")) == (403, "DENIED")
    assert registry.ask("DELETE", registry.at(f"manifests/{digest_of(both)}")).status == 202
    assert registry.ask("DELETE", registry.at(f"manifests/{digest_of(child)}")).status == 202
    assert registry.api.list_images(repositoryName=registry.name)["imageIds"] == []


def test_what_is_about_an_image_is_found_by_its_digest(registry):
    subject = registry.image(b"one", tag="v1")
    about = {"subject": {"mediaType": manifests.OCI, "digest": digest_of(subject), "size": len(subject)}}
    sbom = manifest(b"one", artifactType="text/sbom", annotations={"by": "us"}, **about).encode()
    signature = manifest(b"one", artifactType="text/signature", **about).encode()
    path = registry.at(f"referrers/{digest_of(subject)}")
    assert json.loads(registry.ask("GET", path).body)["manifests"] == []
    for text in (sbom, signature):
        answer = registry.ask("PUT", registry.at(f"manifests/{digest_of(text)}"), text)
        assert (answer.status, answer.headers["OCI-Subject"]) == (201, digest_of(subject))
    seen, following = [], f"{path}?n=1"
    while following:
        answer = registry.ask("GET", following)
        seen += json.loads(answer.body)["manifests"]
        link = answer.headers.get("Link")
        following = link.partition(">")[0].removeprefix("<") if link else None
    assert {one["digest"] for one in seen} == {digest_of(sbom), digest_of(signature)}
    answer = registry.ask("GET", f"{path}?artifactType=text/sbom")
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert answer.headers["Content-Type"] == manifests.OCI_INDEX
    expected = {
        "mediaType": manifests.OCI,
        "digest": digest_of(sbom),
        "size": len(sbom),
        "artifactType": "text/sbom",
        "annotations": {"by": "us"},
    }
    assert json.loads(answer.body)["manifests"] == [expected]
    (found,) = registry.api.list_image_referrers(
        repositoryName=registry.name,
        subjectId={"imageDigest": digest_of(subject)},
        filter={"artifactTypes": ["text/sbom"]},
    )["referrers"]
    assert found == {**expected, "artifactStatus": "ACTIVE"}


def test_a_tag_is_deleted_alone(registry):
    text = registry.image(b"one", tag="a")
    assert registry.ask("PUT", registry.at("manifests/b"), text).status == 201
    assert registry.ask("DELETE", registry.at("manifests/a")).status == 202
    assert registry.refused("GET", registry.at("manifests/a")) == (404, "MANIFEST_UNKNOWN")
    assert registry.refused("DELETE", registry.at("manifests/a")) == (404, "MANIFEST_UNKNOWN")
    assert registry.ask("GET", registry.at("manifests/b")).status == 200
    assert registry.ask("GET", registry.at(f"manifests/{digest_of(text)}")).status == 200


def test_what_is_there_already_is_pushed_again_without_complaint(registry):
    registry.api.put_image_tag_mutability(repositoryName=registry.name, imageTagMutability="IMMUTABLE")
    text = registry.image(b"one", tag="v1")
    assert registry.ask("PUT", registry.at("manifests/v1"), text, Content_Type=manifests.OCI).status == 201
    registry.blob(b"two")
    other = manifest(b"two").encode()
    assert registry.refused("PUT", registry.at("manifests/v1"), other) == (400, "TAG_INVALID")
    assert registry.ask("GET", registry.at("manifests/v1")).body == text


def hostile(registry):
    """Method, path, body, and how it is refused."""
    good = manifest(b"nowhere").encode()
    return [
        ("PUT", registry.at("manifests/v1"), good, (400, "MANIFEST_BLOB_UNKNOWN")),
        ("PUT", registry.at("manifests/v1"), index(good.decode()).encode(), (400, "MANIFEST_BLOB_UNKNOWN")),
        ("PUT", registry.at(f"manifests/{ABSENT}"), good, (400, "DIGEST_INVALID")),
        ("PUT", registry.at("manifests/v1"), b"\xff\xfe", (400, "MANIFEST_INVALID")),
        ("PUT", registry.at("manifests/v1"), b"[" * 100_000, (400, "MANIFEST_INVALID")),
        ("PUT", registry.at("manifests/v1"), b" " * (manifests.MOST_BYTES + 1), (413, "MANIFEST_INVALID")),
        ("PUT", registry.at("manifests/v1"), b"", (400, "MANIFEST_INVALID")),
        ("PUT", registry.at("manifests/..%2f..%2fetc"), good, (404, "UNSUPPORTED")),
        ("GET", registry.at("blobs/sha256:../../../../etc/passwd"), b"", (404, "UNSUPPORTED")),
        ("GET", registry.at("blobs/..%2f..%2f..%2fetc%2fpasswd"), b"", (404, "UNSUPPORTED")),
        ("GET", registry.at(f"blobs/{ABSENT}"), b"", (404, "BLOB_UNKNOWN")),
        ("GET", "/v2/../../etc/tags/list", b"", (400, "NAME_INVALID")),
        ("GET", "/v2/no/such/tags/list", b"", (404, "NAME_UNKNOWN")),
        ("POST", "/v2/no/such/blobs/uploads/", b"", (404, "NAME_UNKNOWN")),
        ("POST", registry.at("blobs/uploads/?digest=md5:1"), b"", (400, "DIGEST_INVALID")),
        ("POST", registry.at("blobs/uploads/?" + "a=1&" * 100), b"", (400, "UNSUPPORTED")),
        ("PATCH", registry.at("blobs/uploads/" + "0" * 36), b"x", (404, "BLOB_UPLOAD_UNKNOWN")),
        ("DELETE", registry.at(f"blobs/{ABSENT}"), b"", (405, "UNSUPPORTED")),
        ("POST", "/v2/", b"", (405, "UNSUPPORTED")),
        ("GET", "/", b"", (404, "UNSUPPORTED")),
        ("GET", registry.at("tags/list?n=-1"), b"", (400, "PAGINATION_NUMBER_INVALID")),
    ]


def test_what_cannot_be_is_refused_in_the_protocols_words(registry):
    for method, path, body, expected in hostile(registry):
        found = registry.refused(method, path, body)
        assert found == expected, (method, path[:80], found)
    assert registry.api.list_images(repositoryName=registry.name)["imageIds"] == []


def test_names_are_listed_in_pages(registry):
    text = registry.image(b"one", tag="t0")
    for number in range(1, 5):
        registry.ask("PUT", registry.at(f"manifests/t{number}"), text)
    seen, path = [], registry.at("tags/list?n=2")
    while path:
        answer = registry.ask("GET", path)
        seen += answer.json["tags"]
        link = answer.headers.get("Link")
        path = link.partition(">")[0].removeprefix("<") if link else None
    assert seen == [f"t{number}" for number in range(5)]
    assert registry.name in registry.ask("GET", "/v2/_catalog").json["repositories"]


# --- the API and the registry are one ------------------------------------------------------------------------------


def test_a_download_url_gives_the_layer_and_nothing_else(registry):
    registry.image(b"a layer", b"another", tag="v1")
    found = registry.api.get_download_url_for_layer(repositoryName=registry.name, layerDigest=digest_of(b"a layer"))
    url = urlsplit(found["downloadUrl"])
    assert (url.scheme, url.netloc) == ("https", HOST)
    path = f"{url.path}?{url.query}"
    assert registry.ask("GET", path, authorization=None).body == b"a layer"
    assert registry.ask("HEAD", path, authorization=None).status == 200
    elsewhere = path.replace(digest_of(b"a layer"), digest_of(b"another"))
    for method, other in (("GET", elsewhere), ("DELETE", path), ("GET", f"/v2/?{url.query}"), ("GET", f"{path}x")):
        assert registry.ask(method, other, authorization=None).status == 401, (method, other)
    key = url.query.removeprefix("key=")
    assert registry.ask("GET", "/v2/", authorization=basic(f"AWS:{key}")).status == 401


def test_a_layer_by_the_api_of_several_parts_is_pulled(registry):
    data = os.urandom(12 * MIB)
    begun = registry.api.initiate_layer_upload(repositoryName=registry.name)
    place = {"repositoryName": registry.name, "uploadId": begun["uploadId"]}
    for first in range(0, len(data), begun["partSize"]):
        part = data[first : first + begun["partSize"]]
        registry.api.upload_layer_part(
            **place, partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part
        )
    registry.api.complete_layer_upload(**place, layerDigests=[digest_of(data)])
    assert registry.ask("GET", registry.at(f"blobs/{digest_of(data)}")).body == data
    with pytest.raises(registry.api.exceptions.UploadNotFoundException):
        registry.api.complete_layer_upload(**place, layerDigests=[digest_of(data)])


def test_pushing_a_layer_twice_keeps_one(registry):
    data = os.urandom(1000)
    registry.blob(data)

    def layers(store):
        with store.snapshot() as tx:
            return [one for one in LAYERS.every(tx) if one.digest == digest_of(data)]

    (before,) = inside(registry.door, layers)
    registry.blob(data)
    (after,) = inside(registry.door, layers)
    assert after.pieces == before.pieces
