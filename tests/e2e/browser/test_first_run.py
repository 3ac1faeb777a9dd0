"""From the first start to the first metered call, as a person does it."""

import re
from decimal import Decimal

import openai
from playwright.sync_api import expect

from dashboard import amount


def welcome_link(gateway) -> str:
    """What the server printed: the path with its secret."""
    return re.search(r"http://\S+?(/welcome#\S+)", gateway.log())[1]


def set_up(dash, gateway, name: str = "ada", password: str = "correct horse battery"):
    dash.open(welcome_link(gateway))
    dash.heading("Welcome")
    dash.page.get_by_label("User name").fill(name)
    dash.page.get_by_label("Password", exact=True).fill(password)
    dash.page.get_by_label("Password again").fill(password)
    dash.button("Create the first admin").click()


def test_first_run_to_first_metered_call(fresh, visit):
    dash = visit(fresh)
    set_up(dash, fresh)
    dash.heading("Overview")
    assert dash.faults() == []
    dash.picture("first-run")

    dash.card("To the first call").get_by_role("button", name="New account").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("Acme")
    dialog.get_by_label("At most").fill("2.50")
    assert dash.faults() == []
    dialog.get_by_role("button", name="Create").click()
    secret = dialog.locator("[data-secret]").inner_text()
    assert secret.startswith("mg_live_")
    assert dash.faults() == []
    dash.picture("new-key")
    dialog.get_by_role("button", name="I have copied it").click()
    dash.heading("Acme")

    client = openai.OpenAI(base_url=f"http://127.0.0.1:{fresh.port}/v1", api_key=secret, max_retries=0)
    client.chat.completions.create(model="priced", messages=[{"role": "user", "content": "Hello"}], max_tokens=50)
    fresh.control.wait_for_records(1)
    spent = Decimal(fresh.control.usage("total")[0]["cost"])
    assert spent > 0

    dash.open("/")
    dash.page.get_by_text("Spent in all").wait_for()
    shown = dash.page.get_by_text("Spent in all").locator("xpath=following-sibling::p[1]")
    assert amount(shown) == spent
    expect(dash.card("To the first call")).to_have_count(0)
    limit, = fresh.control.pages("/api/v1/limits", account="Acme")
    assert Decimal(limit["amount"]) == Decimal("2.5")
    dash.card("Spend against limits").get_by_role("link", name="Acme").click()
    dash.heading("Acme")
    number = dash.page.locator(f'[data-limit="{limit["id"]}"] [data-number="spent"]')
    assert amount(number) == Decimal(limit["spent"]) == spent


def test_the_link_works_once_and_its_refusals_are_shown(fresh, visit):
    dash = visit(fresh)
    dash.open(welcome_link(fresh))
    dash.page.get_by_label("User name").fill("ada")
    dash.page.get_by_label("Password", exact=True).fill("correct horse battery")
    dash.page.get_by_label("Password again").fill("correct horse buttery")
    dash.button("Create the first admin").click()
    dash.page.get_by_text("This is not the same password.").wait_for()
    set_up(dash, fresh, password="password1234")
    dash.page.get_by_role("alert").wait_for()
    assert dash.faults() == []
    dash.picture("welcome-refused")
    set_up(dash, fresh)
    dash.heading("Overview")

    other = visit(fresh)
    set_up(other, fresh, name="eve")
    other.page.get_by_role("alert").wait_for()
    assert [user["username"] for user in fresh.control.pages("/api/v1/users")] == ["ada"]
