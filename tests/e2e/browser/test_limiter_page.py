"""The page of limiters: what a person does there is so in the gateway, and a call moves what it shows."""

import pytest
from playwright.sync_api import expect

from dashboard import WIDTHS
from gateway import Gateway
from town import elsewhere
from wire import call, chat

PERIODS = ["minute", "hour", "day", "week", "month", "year", "total", "cycle:15", "rolling:5h", "rolling:1d",
           "rolling:7d", "rolling:30d"]


def make(gateway: Gateway, name: str = "Customer A - $20/day", **more) -> dict:
    return gateway.control.ask("POST", "/api/v1/limiters", {"name": name, "budget": "20", "window": "day", **more})


def calls(gateway: Gateway, one: dict) -> int:
    path = f"/v1/{one['code']}/chat/completions"
    return elsewhere(lambda: call(gateway.port, chat(max_tokens=10), "sk-own", path=path)).status


def test_s3_22_the_dialog_makes_a_limiter_of_each_period_and_says_its_endpoint(fresh, visit):
    dash = visit(fresh).enter().open("/limiters")
    dash.page.get_by_text("There is no limiter yet").wait_for()
    dialog = dash.page.get_by_role("dialog")
    for period in PERIODS:
        dash.button("New limiter").click()
        options = dialog.get_by_label("Period").locator("option").all()
        assert [option.get_attribute("value") for option in options] == [*PERIODS, ""]
        dialog.get_by_label("Name", exact=True).fill(f"Every {period}")
        dialog.get_by_label("Budget in US dollars").fill("$1,250.50")
        dialog.get_by_label("Period").select_option(period)
        dialog.get_by_label("Base URL").fill("https://api.openai.com")
        dialog.get_by_role("button", name="Create").click()
        dialog.get_by_text("Clients change the base URL").wait_for()
        dialog.get_by_role("button", name="Done").click()
    made = {one["window"]: one for one in fresh.control.pages("/api/v1/limiters")}
    assert sorted(made) == sorted(PERIODS)
    assert {(one["budget"], one["base_url"]) for one in made.values()} == {("1250.5", "https://api.openai.com/v1")}
    expect(dash.page.locator("[data-limiter]")).to_have_count(len(PERIODS))


def test_a_limiter_is_made_with_all_that_the_api_takes(fresh, visit):
    above = fresh.control.account("Acme")
    dash = visit(fresh).enter().open("/limiters")
    dash.button("New limiter").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("Period", exact=True).select_option("")
    values = {"Name": "Marketing", "Which period": "cycle:7", "Base URL": "https://acme.openai.azure.com",
              "Only these models": "gpt-4o, gpt-4o-mini*"}
    for label, value in values.items():
        dialog.get_by_label(label, exact=True).fill(value)
    dialog.get_by_text("More", exact=True).click()
    values = {"Below the account": "Acne", "Provider": "azure_openai", "Code of your own": "marketing-2026",
              "Deployments": "our-gpt=gpt-4o, our-mini"}
    for label, value in values.items():
        dialog.get_by_label(label, exact=True).fill(value)
    dialog.get_by_label("Refuses with").select_option("429")
    alert = dialog.get_by_role("alert")
    for label, value, said in (("Deployments", "our-gpt=gpt-4o", "'our-mini' is no deployment with its model"),
                               ("Below the account", "Acme", "did you mean 'Acme'?")):
        dialog.get_by_role("button", name="Create").click()
        expect(dialog.get_by_label(label)).to_have_attribute("aria-invalid", "true")
        expect(alert).to_contain_text(said)
        assert dash.faults() == []
        dialog.get_by_label(label).fill(value)
    dialog.get_by_role("button", name="Create").click()
    dialog.get_by_text("Clients change the base URL").wait_for()
    made, = fresh.control.pages("/api/v1/limiters")
    expected = {"name": "Marketing", "code": "marketing-2026", "window": "cycle:7", "budget": "20",
                "parent": above["id"], "models": ["gpt-4o", "gpt-4o-mini*"],
                "deployments": {"our-gpt": "gpt-4o"}, "provider": "azure_openai", "status": 429, "time_zone": "UTC"}
    assert {name: made[name] for name in expected} == expected
    assert made["base_url"].startswith("https://acme.openai.azure.com")


def test_a_limiter_changes_as_far_as_the_caller_may_and_no_further_than_he_typed(fresh, visit):
    one = make(fresh, models=["gpt-4o*"])
    shown = lambda: fresh.control.ask("GET", f"/api/v1/limiters/{one['id']}")
    body = {"username": "otto", "password": "the password of otto", "role": "operator"}
    fresh.control.ask("POST", "/api/v1/users", body)
    for credentials, directs in (({"username": "otto", "password": body["password"]}, False), ({}, True)):
        dash = visit(fresh).enter(**credentials).open("/limiters")
        dash.button(f"Change {one['name']}").click()
        dialog = dash.page.get_by_role("dialog")
        for label in ("Base URL", "Provider"):
            expect(dialog.get_by_label(label)).to_have_count(1 if directs else 0)
        models = "gpt-4o-mini" if directs else ""
        dialog.get_by_label("Only these models").fill(models)
        edit = {"models": [models] if directs else []}
        if directs:
            dialog.get_by_label("Base URL").fill("https://acme.openai.azure.com/openai")
            dialog.get_by_label("Provider").fill("azure_openai")
            dialog.get_by_label("Deployments").fill("our-gpt=gpt-4o")
            edit |= {"base_url": "https://acme.openai.azure.com/openai", "provider": "azure_openai",
                     "deployments": {"our-gpt": "gpt-4o"}}
        with dash.page.expect_request(lambda request: request.method == "PATCH") as asked:
            dialog.get_by_role("button", name="Change").click()
        assert asked.value.post_data_json == edit
        expect(dialog).to_have_count(0)
        assert {name: shown()[name] for name in edit} == edit
    dash.card(one["name"]).get_by_text("only gpt-4o-mini").wait_for()
    dash.button(f"Change {one['name']}").click()
    dialog.get_by_label("Base URL").fill("http://169.254.169.254")
    dialog.get_by_role("button", name="Change").click()
    expect(dialog.get_by_label("Base URL")).to_have_attribute("aria-invalid", "true")
    assert shown()["base_url"] == "https://acme.openai.azure.com/openai"


def test_a_call_is_heard_of_without_asking_again(fresh, visit):
    one = make(fresh)
    dash = visit(fresh)
    dash.page.add_init_script("window.setInterval = () => 0")  # what the page asks again and again by
    dash.enter()
    with dash.page.expect_response("**/api/v1/usage/stream"):
        dash.open("/limiters")
    spent = dash.card(one["name"]).locator("[data-number=spent]")
    expect(spent).to_have_text("$0.00")
    assert calls(fresh, one) == 200
    expect(spent).to_have_text("$0.00006")


def test_s3_50_what_the_api_refuses_is_said_at_its_field(fresh, visit):
    dash = visit(fresh).enter().open("/limiters")
    dash.button("New limiter").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("x")
    dialog.get_by_label("Base URL").fill("http://169.254.169.254")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_label("Base URL")).to_have_attribute("aria-invalid", "true")
    assert fresh.control.pages("/api/v1/limiters") == []


def test_s3_34_to_38_a_card_switches_copies_changes_and_deletes(fresh, visit):
    one = make(fresh)
    dash = visit(fresh)
    dash.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dash.enter().open("/limiters")
    card = dash.card(one["name"])
    expect(card.get_by_text("$20.00 per day")).to_be_visible()
    card.get_by_role("button", name=f"Copy the endpoint of {one['name']}").click()
    card.get_by_role("button", name="Copied").wait_for()
    assert dash.page.evaluate("navigator.clipboard.readText()") == one["endpoint"]

    switch = card.get_by_role("switch")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(card.get_by_text("Inactive")).to_be_visible()
    assert calls(fresh, one) == 404
    switch.click()
    expect(card.get_by_text("Active", exact=True)).to_be_visible()
    assert calls(fresh, one) == 200

    card.get_by_role("button", name=f"Change {one['name']}").click()
    dialog = dash.page.get_by_role("dialog")
    dialog.get_by_label("Budget in US dollars per day").fill("7.25")
    dialog.get_by_label("Name").fill("Customer B")
    dialog.get_by_role("button", name="Change").click()
    card = dash.card("Customer B")
    expect(card.get_by_text("$7.25 per day")).to_be_visible()
    card.get_by_role("button", name="Delete Customer B").click()
    dash.button("Delete the limiter").click()
    dash.page.get_by_text("There is no limiter yet").wait_for()
    assert calls(fresh, one) == 404


def test_s3_26_37_39_a_call_moves_the_card_and_the_stats_within_two_seconds(fresh, visit):
    one = make(fresh)
    dash = visit(fresh).enter().open("/limiters")
    spent = dash.card(one["name"]).locator("[data-number=spent]")
    expect(spent).to_have_text("$0.00")
    assert calls(fresh, one) == 200
    expect(spent).to_have_text("$0.00006", timeout=3000)
    dash.button(f"Stats of {one['name']}").click()
    dialog = dash.page.get_by_role("dialog")
    shown = {"Spent": "$0.00006", "Remaining": "$19.99994", "Requests": "1", "Of the budget": "0.00 %"}
    for name, value in shown.items():
        expect(dialog.get_by_text(name, exact=True).locator("xpath=following-sibling::dd")).to_have_text(value)
    assert calls(fresh, one) == 200
    expect(dialog.get_by_text("$0.00012")).to_be_visible(timeout=3000)


def test_a_viewer_looks_and_an_operator_makes_none(fresh, visit):
    one = make(fresh)
    for role in ("viewer", "operator"):
        body = {"username": role, "password": f"the password of the {role}", "role": role}
        fresh.control.ask("POST", "/api/v1/users", body)
        dash = visit(fresh).enter(username=role, password=body["password"]).open("/limiters")
        dash.card(one["name"]).wait_for()
        expect(dash.button("New limiter")).to_have_count(0)
        expect(dash.card(one["name"]).get_by_role("switch")).to_be_enabled(enabled=role == "operator")
        expect(dash.button(f"Delete {one['name']}")).to_have_count(1 if role == "operator" else 0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_s3_33_the_grid_fits_every_width_and_reads_well(fresh, visit, width, dark):
    long_name = "A trial with quite a long name that somebody typed without thinking of cards"
    many = [make(fresh, name) for name in ("Customer A - $20/day", "Marketing", "Engineering", long_name)]
    for _ in range(3):
        assert calls(fresh, many[0]) == 200
    fresh.control.ask("POST", f"/api/v1/limiters/{many[1]['id']}/toggle")
    dash = visit(fresh, width=width, dark=dark).enter().open("/limiters")
    dash.heading("Limiters")
    dash.settled()
    expect(dash.page.locator("[data-limiter]")).to_have_count(4)
    assert dash.overflow() <= 0 and dash.faults() == []
    theme = "dark" if dark else "light"
    dash.picture(f"limiters-{width}-{theme}")
    dash.button("New limiter").click()
    dash.page.get_by_role("dialog").wait_for()
    assert dash.faults() == []
    dash.picture(f"limiters-create-{width}-{theme}")
    dash.page.get_by_text("More", exact=True).click()
    dash.picture(f"limiters-create-more-{width}-{theme}")
    assert dash.faults() == [] and dash.overflow() <= 0
    dash.page.keyboard.press("Escape")
    dash.button("Change Marketing").click()
    dash.page.get_by_role("dialog").wait_for()
    dash.picture(f"limiters-change-{width}-{theme}")
    assert dash.faults() == [] and dash.overflow() <= 0
    dash.page.keyboard.press("Escape")
    dash.button(f"Stats of {many[0]['name']}").click()
    dash.page.get_by_role("dialog").get_by_text("Remaining").wait_for()
    dash.picture(f"limiters-stats-{width}-{theme}")
