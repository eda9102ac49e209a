import pytest
from bench.browser import a_browser

from .seen import site
from .served import a_console


@pytest.fixture(scope="module")
def browser():
    with a_browser() as found:
        yield found


@pytest.fixture
def console():
    with a_console(site()) as served:
        yield served
