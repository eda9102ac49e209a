"""These tests run real balancer nodes, and so run inside a region's namespaces as those of the engines do."""

from tests.engines.conftest import (
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_runtest_protocol,
    pytest_sessionfinish,
)

# Hooks, which pytest calls by their names.
__all__ = [
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_protocol",
    "pytest_sessionfinish",
]
