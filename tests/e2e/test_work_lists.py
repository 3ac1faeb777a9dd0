"""Lists of batches and files, with OpenAI's own client: an account's own, whole, and nobody else's."""

from decimal import Decimal

import openai
import pytest

from gateway import Gateway
from test_background import client_of
from test_batches import BOOK, COST, begin, requests, upload
from test_unresolved import items


@pytest.fixture
def gateway(tmp_path, working):
    with Gateway(tmp_path / "gateway", working.url, prices=BOOK) as gateway:
        yield gateway


def ids(page) -> list[str]:
    return [one.id for one in page]


@pytest.mark.smoke
def test_the_clients_iterator_finds_all_of_an_accounts_files_and_none_of_a_neighbours(gateway, working):
    client = client_of(gateway, gateway.key("1 usd/day"))
    neighbour = client_of(gateway, gateway.key("1 usd/day"))
    own, theirs = [], []
    for number in range(45):
        own.append(upload(client, requests(1)).id)
        if number % 3 == 0:
            theirs.append(upload(neighbour, requests(1)).id)
    assert ids(client.files.list()) == own[::-1]
    assert ids(client.files.list(order="asc", purpose="batch", limit=7)) == own
    assert ids(neighbour.files.list(limit=100)) == theirs[::-1]
    assert not any(request.target.split("?")[0].endswith("/files") for request in working.requests
                   if request.method == "GET"), "the provider's own list is never asked for"
    page = client.files.list(limit=2)
    assert (ids(page.data), page.has_more) == (own[:-3:-1], True)
    for gone in own[20:]:
        del working.files[gone]  # at the provider, and nobody told the gateway
    assert ids(client.files.list(limit=5)) == own[19::-1]


def test_files_are_deleted_while_they_are_listed(gateway):
    client = client_of(gateway, gateway.key("1 usd/day"))
    own = [upload(client, requests(1)).id for _ in range(25)]
    deleted = []
    for file in client.files.list():
        client.files.delete(file.id)
        deleted.append(file.id)
    assert deleted == own[::-1]
    assert ids(client.files.list()) == []


def test_a_list_settles_the_batches_that_it_shows_as_ended(gateway, working):
    key = gateway.key("1 usd/day")
    [limit] = gateway.control.limits_of(key)
    client = client_of(gateway, key)
    file = upload(client, requests()).id
    first, second = begin(client, file).id, begin(client, file).id
    assert ids(client.batches.list()) == [second, first]
    held = gateway.control.numbers(limit["id"])["unresolved"]
    working.end_batch(first)
    for _ in range(3):
        listed = {batch.id: batch.status for batch in client.batches.list(limit=1)}
        assert listed == {first: "completed", second: "validating"}
        numbers = gateway.control.numbers(limit["id"])
        assert (numbers["spent"], numbers["unresolved"]) == (COST, held / 2)
    assert len(items(gateway, key=key["id"])) == 1
    output = working.batches[first]["output_file_id"]
    assert ids(client.files.list(purpose="batch_output")) == [output]
    assert gateway.cli("doctor").returncode == 0


def test_a_list_outlives_the_gateway_and_costs_nothing(gateway):
    key = gateway.key("1 usd/day")
    [limit] = gateway.control.limits_of(key)
    client = client_of(gateway, key)
    file = upload(client, requests()).id
    gateway.kill()
    gateway.start()
    assert ids(client.files.list()) == [file]
    assert ids(client.batches.list()) == []
    assert Decimal(gateway.control.numbers(limit["id"])["available"]) == 1
    with pytest.raises(openai.BadRequestError, match="'limit'"):
        client.files.list(limit=0)
