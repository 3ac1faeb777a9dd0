"""Work that goes on after its reply, at the addresses that need no route: OpenAI's drop-in, and Azure's, with the
official clients."""

import openai
import pytest

from gateway import UPSTREAM_SECRET, Gateway
from test_background import COST as RESPONSE_COST
from test_batches import BOOK, COST, begin, requests, upload
from test_unresolved import items

OPENAI = 'openai: {{ url: "{url}/v1", provider: openai, key: {secret} }}'
AZURE = 'azure: {{ url: "{url}", provider: azure_openai, key: {secret}, deployments: {{ our-gpt: priced }} }}'
API_VERSION = "2025-04-01-preview"


@pytest.fixture
def gateway(request, tmp_path, working):
    """With that upstream, and no route of its own."""
    own = Gateway(tmp_path / "gateway", working.url, prices=BOOK)
    before, rest = own.config.read_text().split("upstreams:", 1)
    upstream = request.param.format(url=working.url.removesuffix("/v1"), secret=UPSTREAM_SECRET)
    own.config.write_text(f"{before}upstreams:\n  {upstream}\nprices:" + rest.split("prices:", 1)[1])
    with own:
        yield own


def drop_in(gateway, key: dict) -> openai.OpenAI:
    return openai.OpenAI(api_key=key["secret"], base_url=f"http://127.0.0.1:{gateway.port}/openai/v1", max_retries=0)


def azure(gateway, key: dict) -> openai.AzureOpenAI:
    return openai.AzureOpenAI(api_key=key["secret"], azure_endpoint=f"http://127.0.0.1:{gateway.port}/azure",
                              api_version=API_VERSION, max_retries=0)


def azure_v1(gateway, key: dict) -> openai.OpenAI:
    return openai.OpenAI(api_key=key["secret"], base_url=f"http://127.0.0.1:{gateway.port}/azure/openai/v1",
                         max_retries=0)


CLIENTS = pytest.mark.parametrize("gateway, client_of, model, path", [
    (OPENAI, drop_in, "priced", "/v1"), (AZURE, azure, "our-gpt", "/openai"),
    (AZURE, azure_v1, "our-gpt", "/openai/v1")], indirect=["gateway"], ids=["openai", "azure", "azure_v1"])


def path_of(request) -> str:
    return request.target.split("?")[0]


def spent_and_held(gateway, key: dict) -> tuple:
    [limit] = gateway.control.limits_of(key)
    numbers = gateway.control.numbers(limit["id"])
    return numbers["spent"], numbers["unresolved"]


@CLIENTS
def test_a_response_in_the_background_is_polled_streamed_and_settled(gateway, working, client_of, model, path):
    key = gateway.key("1 usd/day")
    client = client_of(gateway, key)
    asked = {"model": model, "input": "hi", "max_output_tokens": 100, "background": True}
    response = client.responses.create(**asked)
    assert path_of(working.requests[-1]) == f"{path}/responses"
    gateway.control.wait_for_records(1)
    assert spent_and_held(gateway, key)[1] > RESPONSE_COST
    assert client.responses.retrieve(response.id).status == "queued"
    assert path_of(working.requests[-1]) == f"{path}/responses/{response.id}"
    assert [item.id for item in client.responses.input_items.list(response.id)] == ["msg_0"]
    before = working.hits
    neighbour = client_of(gateway, gateway.key("1 usd/day"))
    for ask in (neighbour.responses.retrieve, neighbour.responses.cancel, neighbour.responses.delete,
                neighbour.responses.input_items.list):
        with pytest.raises(openai.NotFoundError):
            ask(response.id)
    assert working.hits == before
    working.end(response.id)
    for _ in range(2):
        assert client.responses.retrieve(response.id).status == "completed"
        assert spent_and_held(gateway, key) == (RESPONSE_COST, 0)
    client.responses.delete(response.id)

    working.cuts_streams = True
    with pytest.raises(openai.APIError):
        for event in client.responses.create(**asked, stream=True):
            cut = getattr(event, "response", None) or cut
    working.cuts_streams = False
    working.end(cut.id)
    rest = list(client.responses.retrieve(cut.id, stream=True, starting_after=2))
    assert [event.sequence_number for event in rest] == [3, 4]
    [limit] = gateway.control.limits_of(key)
    gateway.control.wait_for_numbers(limit["id"], unresolved=0)  # behind the stream's end
    assert spent_and_held(gateway, key) == (2 * RESPONSE_COST, 0)
    assert items(gateway) == []
    assert gateway.cli("doctor").returncode == 0


@CLIENTS
def test_a_batch_is_uploaded_begun_listed_and_settled(gateway, working, client_of, model, path):
    key = gateway.key("1 usd/day")
    client = client_of(gateway, key)
    file = upload(client, requests(model=model)).id
    assert path_of(working.requests[-1]) == f"{path}/files"
    batch = begin(client, file)
    assert path_of(working.requests[-1]) == f"{path}/batches"
    gateway.control.wait_for_records(2)
    assert spent_and_held(gateway, key)[1] > COST
    neighbour = client_of(gateway, gateway.key("1 usd/day"))
    before = working.hits
    with pytest.raises(openai.NotFoundError):
        neighbour.batches.retrieve(batch.id)
    assert list(neighbour.batches.list()) == list(neighbour.files.list()) == []
    assert working.hits == before
    working.end_batch(batch.id)
    assert [(one.id, one.status) for one in client.batches.list()] == [(batch.id, "completed")]
    assert spent_and_held(gateway, key) == (COST, 0)
    assert client.batches.retrieve(batch.id).status == "completed"
    assert [one.id for one in client.files.list()] == [f"file-of-{batch.id}", file]
    assert client.files.content(f"file-of-{batch.id}").content == b""
    assert spent_and_held(gateway, key) == (COST, 0)
    client.files.delete(file)
    assert [one.id for one in client.files.list()] == [f"file-of-{batch.id}"]
    assert gateway.cli("doctor").returncode == 0
