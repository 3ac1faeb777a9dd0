"""Responses in the background, with OpenAI's own client: what they may cost is held until their end is fetched."""

import json
from decimal import Decimal

import openai
import pytest

from gateway import PRICES, Gateway
from test_credits import assert_books_are_right, prepaid
from test_unresolved import items

# 10 and 20 tokens of `priced`.
COST = Decimal("0.00021")


@pytest.fixture
def gateway(tmp_path, working):
    with Gateway(tmp_path / "gateway", working.url) as gateway:
        yield gateway


def client_of(gateway, key: dict) -> openai.OpenAI:
    return openai.OpenAI(api_key=key["secret"], base_url=f"http://127.0.0.1:{gateway.port}/v1", max_retries=0)


def begin(client: openai.OpenAI, **more):
    return client.responses.create(model="priced", input="hi", max_output_tokens=100, background=True, **more)


@pytest.mark.smoke
def test_a_response_is_polled_to_its_end_and_settled_once(gateway, working):
    key = gateway.key("1 usd/day", "10 requests/day", "10000 tokens/day")
    limits = {limit["unit"]: limit["id"] for limit in gateway.control.limits_of(key)}
    client = client_of(gateway, key)
    response = begin(client)
    assert response.status == "queued"
    gateway.control.wait_for_records(1)
    held = gateway.control.numbers(limits["usd"])["unresolved"]
    assert held > 100 * Decimal("0.00001")
    [item] = items(gateway, key=key["id"])
    assert item["cause"] == "deferred" and Decimal(item["estimate"]) == held
    for status in ("queued", "in_progress", "in_progress"):
        assert client.responses.retrieve(response.id).status == status
        assert gateway.control.numbers(limits["usd"])["unresolved"] == held

    working.end(response.id)
    for _ in range(3):
        assert client.responses.retrieve(response.id).usage.output_tokens == 20
        numbers = gateway.control.numbers(limits["usd"])
        assert (numbers["spent"], numbers["unresolved"]) == (COST, 0)
    assert gateway.control.numbers(limits["tokens"])["spent"] == 30
    assert gateway.control.numbers(limits["requests"])["spent"] == 1
    assert items(gateway) == []
    assert Decimal(gateway.control.usage("total")[0]["cost"]) == COST
    corrected = [record for record in gateway.control.records() if record["outcome"] == "corrected"]
    assert [record["usage"]["output_tokens"] for record in corrected] == [20]
    anew = json.loads(gateway.cli("usage", "rerate", "--book", "default", "--json").stdout)
    assert (anew["total"]["calls"], Decimal(anew["total"]["rerated"]), anew["not_priced"]) == (1, COST, [])
    client.responses.delete(response.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_a_neighbour_finds_no_such_response(gateway, working):
    key = gateway.key("1 usd/day")
    response = begin(client_of(gateway, key))
    before = working.hits
    neighbour = client_of(gateway, gateway.key("1 usd/day"))
    for ask in (neighbour.responses.retrieve, neighbour.responses.cancel, neighbour.responses.delete,
                neighbour.responses.input_items.list, lambda id: neighbour.responses.retrieve(id, stream=True)):
        with pytest.raises(openai.NotFoundError) as refused:
            ask(response.id)
        assert refused.value.code == "not_found" and response.id in refused.value.message
    assert working.hits == before, "nothing went upstream"
    colleague = gateway.control.ask("POST", "/api/v1/keys", {"account": key["account"], "name": "second"})
    assert client_of(gateway, colleague).responses.retrieve(response.id).status == "queued"
    assert [item.id for item in client_of(gateway, key).responses.input_items.list(response.id)] == ["msg_0"]


def test_a_response_outlives_the_gateway_and_is_settled_by_its_own_prices(gateway, working):
    key = gateway.key("1 usd/day")
    [limit] = gateway.control.limits_of(key)
    client = client_of(gateway, key)
    response = begin(client)
    gateway.kill()  # at once: its record may be in the journal only
    dearer = json.loads(json.dumps(PRICES))
    dearer["version"] = "later"
    dearer["models"]["priced"] |= {"input_cost_per_token": 1e-3, "output_cost_per_token": 1e-3}
    (gateway.folder / "prices.json").write_text(json.dumps(dearer))
    gateway.start()
    held = gateway.control.numbers(limit["id"])["unresolved"]
    assert held > COST
    assert client.responses.retrieve(response.id).status == "queued"
    assert gateway.control.numbers(limit["id"])["unresolved"] == held
    working.end(response.id)
    assert client.responses.retrieve(response.id).status == "completed"
    numbers = gateway.control.numbers(limit["id"])
    assert (numbers["spent"], numbers["unresolved"]) == (COST, 0)
    gateway.kill()
    gateway.start()
    assert client.responses.retrieve(response.id).status == "completed"
    assert gateway.control.numbers(limit["id"])["spent"] == COST
    assert gateway.cli("doctor").returncode == 0


def test_a_limit_counts_what_responses_that_go_on_hold(gateway, working):
    key = gateway.key("0.0025 usd/day")  # two of them, and not three
    client = client_of(gateway, key)
    responses = []
    with pytest.raises(openai.APIStatusError) as refused:
        while True:
            responses.append(begin(client))
    assert refused.value.status_code == 402
    assert 1 <= len(responses) <= 2
    working.end(responses[0].id)
    assert client.responses.retrieve(responses[0].id).status == "completed"
    assert begin(client).status == "queued"


def test_what_a_cancelled_response_does_not_say_an_operator_can(gateway, working):
    key = gateway.key("1 usd/day")
    [limit] = gateway.control.limits_of(key)
    client = client_of(gateway, key)
    response = begin(client)
    with pytest.raises(openai.BadRequestError, match="then delete it"):
        client.responses.delete(response.id)
    assert client.responses.cancel(response.id).status == "cancelled"
    [item] = items(gateway, key=key["id"])
    done = gateway.cli("unresolved", "release", item["id"], "--reason", "cancelled before it began")
    assert done.returncode == 0, done.stderr
    numbers = gateway.control.numbers(limit["id"])
    assert (numbers["spent"], numbers["unresolved"]) == (0, 0)
    working.end(response.id)  # what an operator has decided stands
    assert client.responses.retrieve(response.id).status == "completed"
    assert gateway.control.numbers(limit["id"])["spent"] == 0
    client.responses.delete(response.id)


def test_a_prepaid_account_pays_for_a_response_when_it_has_ended(gateway, working):
    account, key = prepaid(gateway, markup_bps=1000)
    gateway.control.grant(account, "first", "1")
    client = client_of(gateway, key)
    response = begin(client)
    gateway.control.wait_for_records(1)
    assert Decimal(gateway.control.balance(account)["unresolved"]) > COST
    working.end(response.id)
    client.responses.retrieve(response.id)
    balance = gateway.control.balance(account)
    assert (Decimal(balance["spent"]), Decimal(balance["unresolved"])) == (COST * Decimal("1.1"), 0)
    assert_books_are_right(gateway)
