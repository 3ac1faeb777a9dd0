"""The button that logs in with an OpenID provider, with a real one behind it."""

import pytest

from gateway import Gateway
from openid_provider import OpenIdProvider
from scripted_upstream import ScriptedUpstream

ROLES = ", role_claim: groups, roles: { operator: [staff] }"
PEOPLE = {"ann": {"email": "ann@acme.example", "email_verified": True, "groups": ["staff"]},
          "bob": {"email": "bob@acme.example", "email_verified": True, "groups": ["visitors"]}}


@pytest.fixture(scope="module")
def acme(tmp_path_factory):
    """A gateway whose people are at a provider."""
    with ScriptedUpstream() as upstream:
        gateway = Gateway(tmp_path_factory.mktemp("acme"), upstream.url)
        redirect_uri = f"http://127.0.0.1:{gateway.control_port}/api/auth/oidc/callback"
        provider = OpenIdProvider(redirect_uri, PEOPLE).start()
        with gateway.config.open("a") as config:
            config.write(provider.settings(redirect_uri, ROLES))
        with gateway:
            yield gateway
        provider.stop()


def log_in_as(dash, who: str):
    dash.page.get_by_role("link", name="Log in with Acme").click()
    dash.page.get_by_placeholder("Enter any login").fill(who)
    dash.page.get_by_placeholder("and password").fill("any")
    dash.page.get_by_role("button", name="Sign-in").click()
    dash.page.get_by_role("button", name="Continue").click()


def test_who_is_known_there_comes_back_to_the_page_that_he_wanted(acme, visit):
    dash = visit(acme).open("/accounts")
    dash.heading("Log in")
    log_in_as(dash, "ann")
    dash.heading("Accounts")
    dash.open("/settings")
    dash.page.get_by_text("ann@acme.example").first.wait_for()


def test_who_may_not_come_in_reads_why_once(acme, visit):
    dash = visit(acme).open("/prices")
    log_in_as(dash, "bob")
    dash.page.get_by_role("alert").get_by_text("you may not come in here").wait_for()
    assert dash.faults() == []
    dash.picture("provider-login")
    assert dash.page.url.endswith("/prices")
    dash.page.reload()
    dash.heading("Log in")
    assert dash.page.get_by_role("alert").count() == 0


def test_an_admin_says_who_logs_in_with_it(acme, visit):
    dash = visit(acme).enter().open("/settings")
    dash.button("New user").click()
    dash.page.get_by_label("User name").fill("carol@acme.example")
    dash.page.get_by_label("Logs in with").select_option("Acme")
    assert dash.page.get_by_label("Password", exact=True).count() == 0
    dash.button("Create").click()
    row = dash.page.get_by_role("row", name="carol@acme.example")
    row.get_by_text("the provider").wait_for()
    row.get_by_role("button", name="Change carol@acme.example").click()
    dash.page.get_by_role("menuitem", name="Change").click()
    dash.page.get_by_label("Logs in with").select_option("a password")
    dash.page.get_by_label("Password", exact=True).fill("correct horse battery")
    dash.button("Change").click()
    row.get_by_text("a password").wait_for()
