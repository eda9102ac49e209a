"""botocore's service models, loaded once.  The only module of this room that reads files."""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.regions import EndpointResolver

_METADATA, _HEAD = '"metadata":', 8192  # characters


class Models:
    """All the services botocore knows; one is read when it is first asked for (EC2 takes 0.15 s, most 0.02 s)."""

    def __init__(self) -> None:
        # botocore's own alone, and not what stands in somebody's ~/.aws/models, which we may not even be let into.
        self._loader = Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)
        self.service = cache(self._load)

    def _load(self, name: str) -> ServiceModel:
        """Raises botocore's `UnknownServiceError` for a name it has no model of."""
        return ServiceModel(self._loader.load_service_model(name, "service-2"), name)

    def hosts(self, names: Iterable[str], region: str) -> tuple[str, ...]:
        """Where AWS's clients look for these services in a region, by name.

        That is the region's own endpoint, and the global one where it belongs to this region.  botocore's table is
        large and read for this alone; it is not kept.
        """
        table = self._loader.load_data("endpoints")
        found = {host for name in names for host in _hosts(table, self._prefix(name), region)}
        return tuple(sorted(found))

    def _prefix(self, name: str) -> str:
        """The service's endpoint prefix, from the beginning of its model: all of EC2's takes 0.15 s and 36 MB."""
        directory = Path(name, self._loader.determine_latest_version(name, "service-2"))
        for root in self._loader.search_paths:
            try:
                with gzip.open(Path(root) / directory / "service-2.json.gz", "rt", encoding="utf-8") as file:
                    head = file.read(_HEAD)
                metadata = head[head.index(_METADATA) + len(_METADATA) :].lstrip()
                return str(json.JSONDecoder().raw_decode(metadata)[0]["endpointPrefix"])
            except (FileNotFoundError, ValueError):
                continue
        return str(self.service(name).endpoint_prefix)  # in another form than botocore's own are now


def _hosts(table: Mapping[str, Any], prefix: str, region: str) -> Iterator[str]:
    resolver = EndpointResolver(table)
    partition = next(one for one in table["partitions"] if region in one["regions"])
    known = partition["services"].get(prefix, {"endpoints": {region: {}}})  # what is not listed is where all are
    for name, endpoint in known["endpoints"].items():
        scope = endpoint.get("credentialScope", {}).get("region", name)
        if scope == region and not endpoint.get("deprecated"):
            yield resolver.construct_endpoint(prefix, name)["hostname"]


def protocols(service: ServiceModel) -> tuple[str, ...]:
    """The protocols a service is to be heard in, its own choice first.

    An `awsQueryCompatible` service (SQS) has moved away from the query protocol and still answers clients that
    were built before it did.
    """
    listed = tuple(service.metadata.get("protocols") or (service.metadata["protocol"],))
    return (*listed, "query") if service.is_query_compatible and "query" not in listed else listed


# By their signing names, the services that say the same in every region.  A client that was told another region signs
# for that one.  S3 would send it on to the bucket's region, which clients follow by themselves.
SAME_EVERYWHERE = frozenset({"ce", "iam", "route53", "s3", "sts"})


def signing_name(service: ServiceModel) -> str:
    """The name that stands in the credential scope of a request to this service."""
    return str(service.metadata.get("signingName") or service.metadata["endpointPrefix"])
