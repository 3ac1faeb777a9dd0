"""What a call would cost, asked on an account's page: what the API says of it, and nothing is held before one asks for
that."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from dashboard import WIDTHS, amount
from town import elsewhere
from wire import call, chat

PASSWORD = "correct horse battery"


@pytest.fixture
def bounded(fresh):
    """(gateway, account, key, limit): a key below two limits of its account, of which one only counts."""
    acme = fresh.control.account("Acme")
    limit = fresh.control.limit(account=acme["id"], unit="usd", window="day", amount="0.05")
    fresh.control.limit(account=acme["id"], unit="requests", window="day", amount="1", mode="shadow", name="watched")
    return fresh, acme, fresh.control.key_for(acme, name="app"), limit


def ask(dash, **fields):
    """Opens the dialog and asks; what it says."""
    dash.button("Explain a call with app").click()
    return ask_again(dash, **fields)


def ask_again(dash, **fields):
    dialog = dash.page.get_by_role("dialog")
    for label, value in fields.items():
        dialog.get_by_label(label.replace("_", " "), exact=True).fill(str(value))
    dialog.get_by_role("button", name="Ask", exact=True).click()
    return dialog


def test_what_is_said_of_a_call_is_the_api_s_and_holds_nothing(bounded, visit):
    gateway, acme, key, limit = bounded
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    dialog = ask(dash, Model="priced", Longest_answer_in_tokens=100, Prompt_in_tokens=2000)
    said = gateway.control.ask("POST", "/api/v1/explain", {"key": key["id"], "model": "priced", "max_tokens": 100,
                                                           "input_tokens": 2000})
    dialog.get_by_text("It would be admitted", exact=True).wait_for()
    dialog.get_by_text("Nothing is held for it, and nobody was called.").wait_for()
    assert amount(dialog.locator("[data-number=worst]")) == Decimal(said["worst_case"]["usd"]) == Decimal("0.003")
    rows = dialog.locator("[data-explained]")
    assert [row.get_attribute("data-explained") for row in rows.all()] == [one["name"] for one in said["limits"]]
    expect(rows.filter(has_text=limit["name"])).to_contain_text("admits it")
    expect(rows.filter(has_text="watched")).to_contain_text("only counts it")
    dialog.get_by_text("there are 0 calls of 'priced'").wait_for()
    expect(dialog.locator("[data-number=expected]")).to_have_count(0)
    assert gateway.control.numbers(limit["id"])["reserved"] == 0

    dialog = ask_again(dash, Longest_answer_in_tokens="", Prompt_in_tokens="", Prompt="Say hello. " * 40)
    dialog.get_by_text("with a shorter answer").wait_for(state="detached")
    body = {"key": key["id"], "model": "priced",
            "messages": [{"role": "user", "content": ("Say hello. " * 40).strip()}]}
    said = gateway.control.ask("POST", "/api/v1/explain", body)
    expect(dialog.locator("[data-number=worst]")).to_have_text(f"${said['worst_case']['usd']}")
    assert dash.faults() == []


def test_a_call_that_does_not_fit_is_shortened_or_refused_and_it_says_by_which_limit(bounded, visit):
    gateway, acme, key, limit = bounded
    tight = gateway.control.limit(key=key["id"], unit="usd", window="day", amount="0.005")
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    dialog = ask(dash, Model="priced", Longest_answer_in_tokens=1000, Prompt_in_tokens=1000)
    dialog.get_by_text("It would be admitted with a shorter answer").wait_for()
    said = gateway.control.ask("POST", "/api/v1/explain", {"key": key["id"], "model": "priced", "max_tokens": 1000,
                                                           "input_tokens": 1000})
    assert amount(dialog.locator("[data-number=clamped]")) == Decimal(said["clamped_worst_case"]["usd"])
    row = dialog.locator("[data-explained]").filter(has_text=tight["name"])
    expect(row).to_contain_text(f"admits {said['clamped_to']} tokens of answer")
    expect(row).to_contain_text("this one decides")
    ask_again(dash, Prompt_in_tokens=10000)
    dialog.get_by_text("It would be refused: limit reached").wait_for()
    expect(row).to_contain_text("refuses it")
    expect(dialog.get_by_role("button", name="Hold what it costs at most")).to_have_count(0)
    ask_again(dash, Model="unheard-of")
    dialog.get_by_text("It would be refused: unknown price").wait_for()
    expect(dialog.locator("[data-number=worst]")).to_have_count(0)
    ask_again(dash, Prompt="both")
    expect(dialog.get_by_role("alert")).to_be_visible()
    assert dash.faults() == []


def test_what_is_expected_comes_from_what_calls_did_cost(bounded, visit):
    gateway, acme, key, _ = bounded
    for _ in range(10):
        assert elsewhere(call, gateway.port, chat(max_tokens=10), key["secret"]).status == 200
    gateway.control.wait_for_records(10)
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    dialog = ask(dash, Model="priced", Longest_answer_in_tokens=100, Prompt_in_tokens=100)
    quote = gateway.control.ask("POST", "/api/v1/quote", {"key": key["id"], "model": "priced", "max_tokens": 100,
                                                          "input_tokens": 100})
    assert amount(dialog.locator("[data-number=expected]")) == Decimal(quote["expected"]["usd"]) > 0
    dialog.get_by_text("as 10 calls of this key with this model cost since").wait_for()


def test_a_quote_is_held_when_asked_for_and_pays_for_its_call(bounded, visit):
    gateway, acme, key, limit = bounded
    dash = visit(gateway).enter().open(f"/accounts/{acme['id']}")
    dialog = ask(dash, Model="priced", Longest_answer_in_tokens=10, Prompt_in_tokens=1000)
    dialog.get_by_label("For", exact=True).select_option("an hour")
    dialog.get_by_role("button", name="Hold what it costs at most").click()
    quote = dialog.locator("[data-quote]").get_attribute("data-quote")
    expect(dialog.get_by_text("Nothing is held")).to_have_count(0)
    assert gateway.control.numbers(limit["id"])["reserved"] == Decimal("0.0011")
    reply = elsewhere(lambda: call(gateway.port, chat(max_tokens=10), key["secret"],
                                   headers=[("X-Metergate-Quote", quote)]))
    assert reply.status == 200, reply.body
    gateway.control.wait_for_numbers(limit["id"], reserved=0, spent="0.00006")


def test_a_viewer_is_told_the_worst_case_and_holds_nothing(bounded, visit):
    gateway, acme, key, _ = bounded
    gateway.control.ask("POST", "/api/v1/users", {"username": "vera", "password": PASSWORD, "role": "viewer"})
    dash = visit(gateway).enter(username="vera", password=PASSWORD).open(f"/accounts/{acme['id']}")
    dialog = ask(dash, Model="priced", Longest_answer_in_tokens=100, Prompt_in_tokens=0)
    assert amount(dialog.locator("[data-number=worst]")) == Decimal("0.001")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(dialog.get_by_text("Expected")).to_have_count(0)
    expect(dialog.get_by_role("button", name="Hold what it costs at most")).to_have_count(0)
    expect(dash.page.locator("button[aria-label='Revoke app']")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_dialog_fits_every_width_and_reads_well(bounded, visit, width, dark):
    gateway, acme, _, _ = bounded
    gateway.control.ask("PATCH", f"/api/v1/accounts/{acme['id']}", {"credit_only": True, "markup_bps": 500})
    gateway.control.grant(acme, "paid-1", "2")
    suffix = f"{width}-{'dark' if dark else 'light'}"
    dash = visit(gateway, width=width, dark=dark).enter().open(f"/accounts/{acme['id']}")
    dash.button("Explain a call with app").wait_for()
    dash.settled()
    assert dash.faults() == []
    dash.picture(f"explain-key-{suffix}")
    dialog = ask(dash, Model="priced", Longest_answer_in_tokens=8000, Prompt_in_tokens=2000)
    dialog.locator("[data-explained]").first.wait_for()
    dialog.get_by_role("button", name="Hold what it costs at most").scroll_into_view_if_needed()
    assert dash.faults() == [] and dash.overflow() <= 0
    dash.page.set_viewport_size({"width": WIDTHS[width][0], "height": 1500})  # all of it on one picture
    dash.picture(f"explain-{suffix}")
    dialog.get_by_role("button", name="Hold what it costs at most").click()
    dialog.locator("[data-quote]").wait_for()
    dash.picture(f"explain-held-{suffix}")
    assert dash.faults() == [] and dash.overflow() <= 0
