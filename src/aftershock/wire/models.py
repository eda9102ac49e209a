"""botocore's service models, loaded once.  The only module of this room that reads files."""

from functools import cache

from botocore.loaders import Loader
from botocore.model import ServiceModel


class Models:
    """All the services botocore knows; one is read when it is first asked for (EC2 takes 0.15 s, most 0.02 s)."""

    def __init__(self) -> None:
        self._loader = Loader(include_default_search_paths=True)
        self.service = cache(self._load)

    def _load(self, name: str) -> ServiceModel:
        """Raises botocore's `UnknownServiceError` for a name it has no model of."""
        return ServiceModel(self._loader.load_service_model(name, "service-2"), name)


def protocols(service: ServiceModel) -> tuple[str, ...]:
    """The protocols a service is to be heard in, its own choice first.

    An `awsQueryCompatible` service (SQS) has moved away from the query protocol and still answers clients that
    were built before it did.
    """
    listed = tuple(service.metadata.get("protocols") or (service.metadata["protocol"],))
    return (*listed, "query") if service.is_query_compatible and "query" not in listed else listed


def signing_name(service: ServiceModel) -> str:
    """The name that stands in the credential scope of a request to this service."""
    return str(service.metadata.get("signingName") or service.metadata["endpointPrefix"])
