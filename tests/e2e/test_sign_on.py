"""Logging in with a real OpenID provider: who comes in, as whom, and who does not."""
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway import Gateway
from openid_provider import Browser, OpenIdProvider

ANN = {"email": "Ann@acme.example", "email_verified": True, "groups": ["platform", "all"]}
BOB = {"email": "bob@acme.example", "email_verified": True, "groups": ["all"]}
EVE = {"email": "ann@acme.example", "email_verified": False, "groups": ["platform"]}
BY_GROUPS = ", role_claim: groups, roles: { admin: [platform], viewer: [staff] }"


class World:
    def __init__(self, folder, upstream, more: str = "", **client):
        self.gateway = Gateway(folder, upstream.url)
        self.url = f"http://127.0.0.1:{self.gateway.control_port}"
        redirect_uri = f"{self.url}/api/auth/oidc/callback"
        self.provider = OpenIdProvider(redirect_uri, {"ann": ANN, "bob": BOB, "eve": EVE}, **client).start()
        with self.gateway.config.open("a") as config:
            config.write(self.provider.settings(redirect_uri, more))
        self.gateway.start()

    def browser(self) -> Browser:
        return Browser(self.url)

    def users(self, *words: str):
        done = self.gateway.cli("users", *words)
        assert done.returncode == 0, done.stderr

    def ask(self, method: str, path: str, **body):
        return self.gateway.control.ask(method, path, body or None)

    def stop(self):
        self.gateway.stop()
        self.provider.stop()


@pytest.fixture
def by_groups(tmp_path, upstream):
    world = World(tmp_path, upstream, BY_GROUPS)
    yield world
    world.stop()


@pytest.fixture
def by_hand(tmp_path, upstream):
    world = World(tmp_path, upstream)
    yield world
    world.stop()


def test_whose_group_has_a_role_comes_in_and_is_known_again(by_groups):
    browser = by_groups.browser()
    assert browser.log_in("ann", "/accounts?status=active") == "/accounts?status=active"
    session = browser.session()
    assert (session["username"], session["role"]) == ("ann@acme.example", "admin")
    # She has another address and another group now: the same user, with what the group may do.
    by_groups.provider.has({"ann": ANN | {"email": "ann.smith@acme.example", "groups": ["staff"]}})
    users = by_groups.ask("GET", "/api/v1/users")["data"]
    assert [(user["username"], user["login"]) for user in users] == [("ann@acme.example", "oidc")]
    by_groups.ask("POST", "/api/v1/users", username="root", password="a horse, a staple", role="admin")
    again = by_groups.browser()
    assert again.log_in("ann") == "/"
    assert (again.session()["username"], again.session()["role"]) == ("ann@acme.example", "viewer")
    assert browser.session() is None, "what could do more has ended"
    actions = [(entry["action"], entry["status"]) for entry in by_groups.ask("GET", "/api/v1/audit")["data"]]
    assert actions.count(("GET /api/auth/oidc/callback", 303)) == 2


def test_who_is_in_no_group_stays_outside_and_nobody_is_made(by_groups):
    browser = by_groups.browser()
    assert browser.log_in("bob", "/prices") == "/prices#login=forbidden"
    assert browser.session() is None
    assert by_groups.ask("GET", "/api/v1/users")["data"] == []
    assert "'bob@acme.example' is in no group of 'oidc.roles'" in by_groups.gateway.log()


def test_an_address_that_is_not_verified_is_nobody(by_groups):
    assert by_groups.browser().log_in("eve") == "/#login=unauthorized"
    assert by_groups.ask("GET", "/api/v1/users")["data"] == []


def test_without_groups_an_admin_makes_the_users(by_hand):
    assert by_hand.browser().log_in("bob") == "/#login=forbidden"
    by_hand.users("create", "bob@acme.example", "--role", "operator", "--oidc")
    browser = by_hand.browser()
    assert browser.log_in("bob") == "/"
    assert browser.session()["role"] == "operator"
    by_hand.users("edit", "bob@acme.example", "--disable")
    assert browser.session() is None
    assert by_hand.browser().log_in("bob") == "/#login=forbidden"


def test_who_has_a_password_is_not_come_in_as(by_hand):
    by_hand.ask("POST", "/api/v1/users", username="ann@acme.example", password="a horse, a staple", role="admin")
    assert by_hand.browser().log_in("ann") == "/#login=forbidden"


def test_what_another_browser_began_is_not_finished(by_groups):
    began, other = by_groups.browser(), by_groups.browser()
    back = began.come_back(began.go_out(), "ann")
    assert other.ask(back)[1] == "/#login=unauthorized"
    other.go_out()  # has a ticket of its own now
    assert other.ask(back)[1] == "/#login=unauthorized"
    assert other.session() is None
    assert began.ask(back)[1] == "/"
    assert began.ask(back)[1] == "/#login=unauthorized", "the ticket was good for one login"


def test_a_code_counts_once_and_only_with_its_verifier(by_groups):
    began, other = by_groups.browser(), by_groups.browser()
    code = parse_qs(urlsplit(began.come_back(began.go_out(), "ann")).query)["code"][0]
    state = parse_qs(urlsplit(other.go_out()).query)["state"][0]
    stolen = f"{by_groups.url}/api/auth/oidc/callback?code={code}&state={state}"
    assert other.ask(stolen)[1] == "/#login=upstream_error"
    assert other.session() is None


def test_a_provider_that_is_away_keeps_nobody_else_outside(by_groups):
    by_groups.provider.stop()
    assert by_groups.browser().go_out("/x") == "/x#login=upstream_error"
    by_groups.ask("POST", "/api/v1/users", username="root", password="a horse, a staple", role="admin")
    assert by_groups.ask("POST", "/api/v1/session", username="root", password="a horse, a staple")["token"]


def test_other_ways_to_hand_over_the_secret_and_to_sign(tmp_path, upstream):
    world = World(tmp_path, upstream, BY_GROUPS, token_endpoint_auth_method="client_secret_basic",
                  id_token_signed_response_alg="ES256")
    try:
        browser = world.browser()
        assert browser.log_in("ann") == "/"
        assert browser.session()["role"] == "admin"
    finally:
        world.stop()


def test_without_a_provider_the_addresses_say_so(tmp_path, upstream):
    gateway = Gateway(tmp_path, upstream.url).start()
    try:
        status, body = gateway.control.send("GET", "/api/auth/oidc?return_to=/")
        assert status == 404 and "'oidc'" in json.loads(body)["detail"]
        assert gateway.control.ask("GET", "/api/v1/setup") == {"needed": True, "provider": None}
    finally:
        gateway.stop()
