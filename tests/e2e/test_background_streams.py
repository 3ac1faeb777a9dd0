"""Streams of responses in the background, with OpenAI's own client: one that breaks off is fetched, or streamed again
from where it stood, and its money is held until then."""

from decimal import Decimal

import openai
import pytest

from gateway import Gateway
from test_background import COST, client_of
from test_unresolved import items


@pytest.fixture
def gateway(tmp_path, working):
    with Gateway(tmp_path / "gateway", working.url) as gateway:
        yield gateway


def begin(client: openai.OpenAI):
    return client.responses.create(model="priced", input="hi", max_output_tokens=100, background=True, stream=True)


def read_until_it_breaks(stream) -> list:
    """The events, and an error behind them."""
    events = []
    with pytest.raises(openai.APIError):
        for event in stream:
            events.append(event)
    return events


def held(gateway, key: dict) -> Decimal:
    [limit] = gateway.control.limits_of(key)
    return gateway.control.numbers(limit["id"])["unresolved"]


def assert_settled(gateway, key: dict):
    [limit] = gateway.control.limits_of(key)
    numbers = gateway.control.numbers(limit["id"])
    assert (numbers["spent"], numbers["unresolved"], numbers["reserved"]) == (COST, 0, 0)
    assert items(gateway) == []


@pytest.mark.smoke
def test_a_stream_that_the_upstream_cuts_is_settled_by_a_fetch(gateway, working):
    key = gateway.key("1 usd/day")
    client = client_of(gateway, key)
    working.cuts_streams = True
    [created, *words] = read_until_it_breaks(begin(client))
    assert (created.type, len(words)) == ("response.created", 3)
    response = created.response.id
    gateway.control.wait_for_records(1)
    [item] = items(gateway, key=key["id"])
    assert item["cause"] == "deferred" and Decimal(item["estimate"]) == held(gateway, key) > COST
    assert client.responses.retrieve(response).status == "in_progress"
    assert held(gateway, key) > COST
    working.end(response)
    for _ in range(3):
        assert client.responses.retrieve(response).status == "completed"
        assert_settled(gateway, key)
    assert gateway.cli("doctor").returncode == 0


def test_a_stream_goes_on_from_where_it_stood_and_its_end_settles_it(gateway, working):
    key = gateway.key("1 usd/day")
    client = client_of(gateway, key)
    working.cuts_streams = True
    [created, first, *_] = read_until_it_breaks(begin(client))
    response = created.response.id
    read_until_it_breaks(client.responses.retrieve(response, stream=True, starting_after=first.sequence_number))
    assert held(gateway, key) > COST
    working.cuts_streams = False
    working.end(response)
    for _ in range(2):
        rest = list(client.responses.retrieve(response, stream=True, starting_after=first.sequence_number))
        assert [event.sequence_number for event in rest] == [2, 3, 4]
        assert rest[-1].response.usage.output_tokens == 20
        [limit] = gateway.control.limits_of(key)
        gateway.control.wait_for_numbers(limit["id"], unresolved=0)  # behind the stream's end
        assert_settled(gateway, key)
    assert gateway.cli("doctor").returncode == 0


def test_a_stream_that_a_crash_ends_is_settled_by_a_fetch(gateway, working):
    key = gateway.key("1 usd/day")
    stream = begin(client_of(gateway, key))
    response = next(iter(stream)).response.id
    gateway.kill()  # the response is known to its client, and its exchange has not ended
    gateway.start()
    assert held(gateway, key) > COST
    client = client_of(gateway, key)
    assert client.responses.retrieve(response).status == "in_progress"
    assert held(gateway, key) > COST
    working.end(response)
    for _ in range(2):
        assert client.responses.retrieve(response).status == "completed"
        assert_settled(gateway, key)
    gateway.kill()
    gateway.start()
    assert client.responses.retrieve(response).status == "completed"
    assert_settled(gateway, key)
    assert gateway.cli("doctor").returncode == 0


def test_a_stream_that_runs_is_settled_by_itself_and_by_no_fetch_beside(gateway, working):
    key = gateway.key("1 usd/day")
    [limit] = gateway.control.limits_of(key)
    client = client_of(gateway, key)
    stream = iter(begin(client))
    response = next(stream).response.id
    assert client.responses.retrieve(response).status == "in_progress"
    assert gateway.control.numbers(limit["id"])["reserved"] > COST
    working.end(response)
    assert [event.type for event in stream][-1] == "response.completed"
    gateway.control.wait_for_numbers(limit["id"], reserved=0)
    assert_settled(gateway, key)
    assert client.responses.retrieve(response).status == "completed"
    assert_settled(gateway, key)
