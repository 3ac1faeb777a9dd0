"""Fixtures: one gateway and one scripted upstream per test file; notes that are printed after the run."""

import os
from pathlib import Path

import pytest

from gateway import BINARY, Gateway
from scripted_upstream import ScriptedUpstream
from working_upstream import WorkingUpstream

NOTES: list[str] = []


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: also run against sanitizer builds")
    config.addinivalue_line("markers", "own_tools: tests a tool of these tests; needs no gateway")


def pytest_collection_modifyitems(items):
    if not BINARY.exists() and not all(item.get_closest_marker("own_tools") for item in items):
        raise pytest.UsageError(f"{BINARY} is not built: `make build`, or set METERGATE_BIN")


def pytest_terminal_summary(terminalreporter):
    for note in NOTES:
        terminalreporter.write_line(note)


@pytest.fixture(scope="session")
def note():
    """note("…") prints a line after the run, whether or not tests pass."""
    return NOTES.append


@pytest.fixture(scope="session")
def traffic(note) -> Path:
    """The folder of recorded exchanges. Not set: the tests are skipped and say so. Set but empty: they fail."""
    folder = os.environ.get("METERGATE_TRAFFIC")
    if not folder:
        note("replay: skipped, METERGATE_TRAFFIC is not set (the folder with recorded provider traffic)")
        pytest.skip("METERGATE_TRAFFIC is not set")
    return Path(folder) / "open"


@pytest.fixture(scope="module")
def upstream_of_module():
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(upstream_of_module):
    """The scripted upstream with its default script and no hits."""
    upstream_of_module.reset()
    return upstream_of_module


@pytest.fixture
def own_upstream():
    """A scripted upstream of the test's own."""
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def working():
    """An upstream whose work goes on until the test ends it."""
    with WorkingUpstream() as upstream:
        yield upstream


@pytest.fixture
def own_gateway(tmp_path, own_upstream):
    """A gateway in front of it, for tests that kill it or keep it busy."""
    with Gateway(tmp_path / "gateway", own_upstream.url, first_byte_ms=20000) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, upstream_of_module):
    """A gateway in front of the file's scripted upstream, for tests that do not crash or restart it."""
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, upstream_of_module.url, first_byte_ms=1000, idle_ms=1000) as gateway:
        yield gateway


@pytest.fixture
def own(tmp_path):
    """A gateway and its upstream, for a test that crashes, restarts or damages them."""
    with ScriptedUpstream() as upstream, Gateway(tmp_path / "gateway", upstream.url) as gateway:
        yield gateway, upstream
