"""Who gets in, what each role sees, and how a session ends."""

import pytest

from gateway import ADMIN_KEY

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def users(town):
    """One user of each kind, by name."""
    gateway, made = town
    for name, role, account in (("root", "admin", None), ("otto", "operator", None), ("vera", "viewer", None),
                                ("lena", "operator", made["Search"]["id"])):
        body = {"username": name, "password": PASSWORD, "role": role}
        gateway.control.ask("POST", "/api/v1/users", {**body, **({"account": account} if account else {})})
    return gateway, made


def test_a_wrong_password_is_refused_and_the_right_one_leads_where_one_wanted_to_go(users, visit):
    dash = visit(users[0]).open("/accounts")
    dash.log_in("root", "wrong horse battery")
    dash.page.get_by_role("alert").wait_for()
    assert dash.page.get_by_text("Your session has ended").count() == 0
    dash.log_in("root", PASSWORD)
    dash.heading("Accounts")
    dash.page.reload()
    dash.heading("Accounts")
    dash.open("/settings")
    dash.button("Log out").click()
    dash.heading("Log in")
    dash.page.reload()
    dash.heading("Log in")


def test_an_admin_key_lets_in_too(users, visit):
    dash = visit(users[0]).open("/settings")
    dash.button("With an admin key instead").click()
    dash.page.get_by_label("Admin key").fill(ADMIN_KEY)
    dash.button("Log in").click()
    dash.heading("Settings")
    dash.page.get_by_text("admin key", exact=True).first.wait_for()


def test_a_session_that_ends_elsewhere_leads_to_the_login(users, visit):
    gateway, _ = users
    gateway.control.ask("POST", "/api/v1/users", {"username": "temp", "password": PASSWORD, "role": "viewer"})
    user = next(one for one in gateway.control.pages("/api/v1/users") if one["username"] == "temp")
    dash = visit(gateway).enter(username="temp", password=PASSWORD).open("/accounts")
    dash.heading("Accounts")
    gateway.control.ask("PATCH", f"/api/v1/users/{user['id']}", {"status": "disabled"})
    dash.page.get_by_role("link", name="Requests").click()
    dash.heading("Log in")
    dash.page.get_by_text("Your session has ended").wait_for()


def test_a_viewer_is_offered_nothing_to_change(users, visit):
    gateway, made = users
    dash = visit(gateway).enter(username="vera", password=PASSWORD).open("/accounts")
    dash.page.get_by_role("link", name="Contoso").wait_for()
    assert dash.button("New account").count() == 0
    dash.open(f"/accounts/{made['Search']['id']}")
    dash.page.get_by_text("crawler").first.wait_for()
    for name in ("New limit", "New key", "Suspend", "Revoke crawler"):
        assert dash.button(name).count() == 0, name
    dash.open("/settings")
    dash.card("Upstreams").wait_for()
    dash.card("This gateway").get_by_text("for ever", exact=True).wait_for()
    assert dash.card("Users").count() == 0
    assert dash.button("Set the secret of openai").count() == 0


def test_who_is_limited_to_an_account_sees_no_other(users, visit):
    gateway, made = users
    dash = visit(gateway).enter(username="lena", password=PASSWORD).open("/")
    dash.heading("Overview")
    dash.settled()
    assert dash.page.get_by_role("link", name="Unresolved").count() == 0
    assert dash.page.get_by_role("alert").count() == 0
    dash.open("/accounts")
    dash.page.get_by_role("link", name="Search", exact=True).wait_for()
    assert dash.page.get_by_role("link", name="Contoso").count() == 0
    dash.open(f"/accounts/{made['Contoso']['id']}")
    dash.page.get_by_role("alert").wait_for()
    dash.open(f"/accounts/{made['Search']['id']}")
    dash.button("New key").wait_for()
    assert dash.button("New limit").count() == 0, "its own limits are set by those above it"
