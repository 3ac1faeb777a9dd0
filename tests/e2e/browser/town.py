"""A gateway that has been in use: accounts in a tree, budgets near and at their end, calls that were served, refused
and lost their usage, and a prepaid customer."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from gateway import Gateway
from scripted_upstream import Script, ScriptedUpstream
from wire import call, call_many, chat


def elsewhere(function, *arguments):
    """What a function returns that runs an event loop of its own: Playwright has one in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function, *arguments).result()


def fill(gateway: Gateway, upstream: ScriptedUpstream) -> dict[str, dict]:
    """The accounts and keys by their names."""
    return elsewhere(_fill, gateway, upstream)


def _fill(gateway: Gateway, upstream: ScriptedUpstream) -> dict[str, dict]:
    control = gateway.control
    made: dict[str, dict] = {}
    made["Northwind"] = control.account("Northwind", external_id="cus_1001")
    made["Search"] = control.account("Search", parent=made["Northwind"]["id"])
    made["Support"] = control.account("Support", parent=made["Northwind"]["id"], external_id="team-7")
    made["Contoso"] = control.account("Contoso", external_id="cus_1002")
    made["Fabrikam"] = control.account("Fabrikam", external_id="cus_1003")
    control.ask("PATCH", f"/api/v1/accounts/{made['Fabrikam']['id']}", {"credit_only": True, "markup_bps": 500})
    control.grant(made["Fabrikam"], "town-1", "25", note="invoice 7")

    control.limit(account=made["Northwind"]["id"], unit="usd", window="month", amount="500")
    control.limit(account=made["Search"]["id"], unit="usd", window="day", amount="0.0075")
    control.limit(account=made["Support"]["id"], unit="requests", window="rolling:5h", amount="12")
    control.limit(account=made["Contoso"]["id"], unit="usd", window="total", amount="0.01", clamp=False)
    for account, name, limits in (("Search", "crawler", ["20 usd/week"]), ("Search", "ranker", []),
                                  ("Support", "helpdesk", ["100000 tokens/day"]), ("Contoso", "contoso-app", []),
                                  ("Fabrikam", "fabrikam-app", [])):
        made[name] = control.key_for(made[account], limits, name)

    records = 0
    for key, count, tokens in (("crawler", 5, 60), ("ranker", 3, 90), ("helpdesk", 10, 40), ("fabrikam-app", 4, 120)):
        upstream.script = Script(completion_tokens=tokens, prompt_tokens=300)
        call_many(gateway.port, [chat(max_tokens=200) for _ in range(count)], made[key]["secret"])
        records += count
    for _ in range(6):  # more than Contoso has
        call(gateway.port, chat(max_tokens=1000), made["contoso-app"]["secret"])
    upstream.script = Script(status=500)
    call(gateway.port, chat(max_tokens=10), made["helpdesk"]["secret"])
    upstream.script = Script(no_usage=True)
    call(gateway.port, chat(max_tokens=100), made["crawler"]["secret"])
    upstream.script = Script()
    call(gateway.port, chat("unheard-of"), made["crawler"]["secret"])
    control.wait_for_records(records + 9)
    return made


def spent_by_all(gateway: Gateway) -> Decimal:
    return Decimal(gateway.control.usage("total")[0]["cost"])
