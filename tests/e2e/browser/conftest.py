"""Fixtures: a Chromium, and one gateway that has been in use."""

import pytest
from playwright.sync_api import sync_playwright

from dashboard import dashboard, start_chromium
from gateway import Gateway
from scripted_upstream import ScriptedUpstream
from town import fill


@pytest.fixture(scope="module")
def chromium():
    """Not longer than a module: while Playwright runs, this thread has an event loop, and other tests run their own."""
    with sync_playwright() as playwright:
        browser = start_chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """(gateway, accounts and keys by name) for tests that change nothing which others count on."""
    with ScriptedUpstream() as upstream, Gateway(tmp_path_factory.mktemp("town"), upstream.url) as gateway:
        yield gateway, fill(gateway, upstream)


@pytest.fixture
def fresh(tmp_path):
    """A gateway that was never used."""
    with ScriptedUpstream() as upstream, Gateway(tmp_path / "fresh", upstream.url) as gateway:
        yield gateway


@pytest.fixture
def visit(chromium):
    """visit(gateway) is a new browser there; at the end none of them may have complained."""
    opened = []

    def open_one(gateway, **more):
        one = dashboard(chromium, gateway.control_port, **more)
        opened.append((one, one.__enter__()))
        return opened[-1][1]

    yield open_one
    complaints = [complaint for _, dash in opened for complaint in dash.complaints]
    for one, _ in reversed(opened):
        one.__exit__(None, None, None)
    assert complaints == []
