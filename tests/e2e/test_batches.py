"""Batches, with OpenAI's own client: what the requests of a file may cost is held until the batch's end is fetched."""

import json
from decimal import Decimal

import openai
import pytest

from gateway import PRICES, Gateway
from test_background import client_of
from test_unresolved import items

# 10 and 20 tokens of `priced`, and of `listed`, which has prices for batches of its own.
COST = Decimal("0.00021") / 2
LISTED_COST = Decimal("0.00012")
BOOK = {**PRICES, "models": {**PRICES["models"], "listed": {
    "input_cost_per_token": 1e-5, "output_cost_per_token": 1e-4, "max_output_tokens": 1000,
    "input_cost_per_token_batches": 2e-6, "output_cost_per_token_batches": 5e-6}}}
ANSWER = {"model": "priced", "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant"}}],
          "usage": {"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 15}}


@pytest.fixture
def gateway(tmp_path, working):
    with Gateway(tmp_path / "gateway", working.url, prices=BOOK) as gateway:
        yield gateway


def requests(count: int = 3, model: str = "priced", **more) -> bytes:
    body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}], **more}
    return "".join(json.dumps({"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions",
                               "body": body}) + "\n" for number in range(count)).encode()


def upload(client: openai.OpenAI, content: bytes):
    return client.files.create(file=("requests.jsonl", content), purpose="batch")


def begin(client: openai.OpenAI, file: str):
    return client.batches.create(input_file_id=file, endpoint="/v1/chat/completions", completion_window="24h")


@pytest.mark.smoke
@pytest.mark.parametrize("model, cost", [("priced", COST), ("listed", LISTED_COST)])
def test_a_batch_holds_its_files_worst_case_and_is_settled_by_its_usage(gateway, working, model, cost):
    key = gateway.key("1 usd/day", "10 requests/day")
    limits = {limit["unit"]: limit["id"] for limit in gateway.control.limits_of(key)}
    client = client_of(gateway, key)
    batch = begin(client, upload(client, requests(model=model)).id)
    assert batch.status == "validating"
    gateway.control.wait_for_numbers(limits["requests"], spent=3)
    held = gateway.control.numbers(limits["usd"])["unresolved"]
    assert held > cost
    [item] = items(gateway, key=key["id"])
    assert item["cause"] == "deferred" and item["model"] == model
    assert client.batches.retrieve(batch.id).status == "validating"
    working.end_batch(batch.id)
    for _ in range(2):
        assert client.batches.retrieve(batch.id).status == "completed"
        numbers = gateway.control.numbers(limits["usd"])
        assert (numbers["spent"], numbers["unresolved"]) == (cost, 0)
    assert items(gateway) == []


def test_a_batch_without_a_usage_is_settled_when_its_results_are_fetched(gateway, working):
    key = gateway.key("1 usd/day")
    [limit] = gateway.control.limits_of(key)
    client = client_of(gateway, key)
    batch = begin(client, upload(client, requests(2)).id)
    gateway.kill()
    gateway.start()
    working.end_batch(batch.id, usage=None, results=[ANSWER, ANSWER])
    ended = client.batches.retrieve(batch.id)
    assert gateway.control.numbers(limit["id"])["unresolved"] > 0
    neighbour = client_of(gateway, gateway.key("1 usd/day"))
    with pytest.raises(openai.NotFoundError):
        neighbour.files.content(ended.output_file_id)
    for _ in range(2):
        assert client.files.content(ended.output_file_id).content == working.files[ended.output_file_id]
        numbers = gateway.control.wait_for_numbers(limit["id"], unresolved=0)
        assert numbers["spent"] == COST
    assert gateway.cli("doctor").returncode == 0


def test_neighbours_share_neither_files_nor_batches(gateway, working):
    client = client_of(gateway, gateway.key("1 usd/day"))
    neighbour = client_of(gateway, gateway.key("1 usd/day"))
    file = upload(client, requests()).id
    batch = begin(client, file).id
    before = working.hits
    for ask in (lambda: begin(neighbour, file), lambda: neighbour.batches.retrieve(batch),
                lambda: neighbour.batches.cancel(batch), lambda: neighbour.files.retrieve(file),
                lambda: neighbour.files.content(file), lambda: neighbour.files.delete(file),
                lambda: neighbour.batches.list(after=batch), lambda: neighbour.files.list(after=file)):
        with pytest.raises(openai.NotFoundError):
            ask()
    assert list(neighbour.batches.list()) == list(neighbour.files.list()) == []
    assert working.hits == before


def test_a_batch_beyond_a_limit_is_refused_and_one_that_is_cancelled_gives_back(gateway, working):
    key = gateway.key("0.005 usd/day")
    [limit] = gateway.control.limits_of(key)
    client = client_of(gateway, key)
    small, large = upload(client, requests(2)).id, upload(client, requests(50)).id
    with pytest.raises(openai.APIStatusError) as refused:
        begin(client, large)
    assert refused.value.status_code == 402
    batch = begin(client, small)
    assert client.batches.cancel(batch.id).status == "cancelled"
    numbers = gateway.control.numbers(limit["id"])
    assert (numbers["spent"], numbers["unresolved"]) == (0, 0)


def test_what_cannot_be_bounded_is_not_uploaded(gateway, working):
    client = client_of(gateway, gateway.key("1 usd/day"))
    for content, why in ((requests(model="unheard-of"), "no price"), (b"nonsense", "no JSON object"),
                         (requests(stream=True), "'stream'"), (b"", "no request")):
        with pytest.raises(openai.BadRequestError, match=why):
            upload(client, content)
    with pytest.raises(openai.BadRequestError, match="purpose 'assistants'"):
        client.files.create(file=("notes.txt", b"notes"), purpose="assistants")
    assert working.hits == 0
