"""Lists: of repositories, of the tags in one of them, and of the images that are about another one."""

from collections.abc import Sequence
from urllib.parse import urlencode

from aftershock.services.ecr import pushing
from aftershock.services.ecr.records import REPOSITORIES, repository_id
from aftershock.services.ecr.rules.manifests import OCI_INDEX
from aftershock.services.ecr.rules.paths import ReferrersOf

from .answers import Answer, Refused, shown
from .visit import Guest, repository

MOST, MOST_REFERRERS = 1000, 50  # on a page; referrers come with annotations, which may be long


def catalog(guest: Guest) -> Answer:
    with guest.transaction() as call:
        place = repository_id(call.account, call.region, "")
        found = [one.name for one in REPOSITORIES.between(call.tx, place, f"{place}~")]
    page, link = _page(guest, found, "/v2/_catalog")
    return shown(200, {"repositories": page}, link)


def tags(guest: Guest, name: str) -> Answer:
    with guest.transaction() as call:
        images = pushing.images_of(call.tx, repository(call, name))
    found = sorted(tag for image in images for tag in image.tags)
    page, link = _page(guest, found, f"/v2/{name}/tags/list")
    return shown(200, {"name": name, "tags": page}, link)


def referrers(guest: Guest, place: ReferrersOf) -> Answer:
    """OCI distribution specification, "Listing referrers": none is no error, whether or not there is the subject."""
    wanted = guest.query.get("artifactType")
    with guest.transaction() as call:
        images = pushing.referrers(call.tx, repository(call, place.name), place.digest, (wanted,) if wanted else ())
        digests, path = [one.digest for one in images], f"/v2/{place.name}/referrers/{place.digest}"
        page, link = _page(guest, digests, path, MOST_REFERRERS)
        named = [pushing.descriptor(call.tx, image) for image in images if image.digest in page]
    told = [{name: value for name, value in one.items() if value is not None} for one in named]
    headers = {"Content-Type": OCI_INDEX, **link, **({"OCI-Filters-Applied": "artifactType"} if wanted else {})}
    return shown(200, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": told}, headers)


def _page(guest: Guest, items: Sequence[str], path: str, most: int = MOST) -> tuple[Sequence[str], dict[str, str]]:
    """OCI distribution specification, "Listing tags": `n` at most, after `last`."""
    size, last = guest.query.get("n", str(most)), guest.query.get("last")
    if not (size.isascii() and size.isdecimal() and len(size) <= 9):
        raise Refused(400, "PAGINATION_NUMBER_INVALID", "n is no number")
    left = [item for item in items if last is None or item > last]
    page = left[: min(int(size), most)]
    if len(page) == len(left) or not page:
        return page, {}
    following = urlencode({**guest.query, "n": len(page), "last": page[-1]})
    return page, {"Link": f'<{path}?{following}>; rel="next"'}
