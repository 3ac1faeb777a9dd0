"""Images that are sent to be changed, with OpenAI's own client: forms, bounded by their images and billed by their
reply."""

import json
from decimal import Decimal

import openai
import pytest

from gateway import PRICES, Gateway
from scripted_upstream import Script
from test_background import client_of

BOOK = {**PRICES, "models": {
    **PRICES["models"],
    "gpt-image-1": {"input_cost_per_token": 5e-6, "input_cost_per_image_token": 1e-5,
                    "output_cost_per_image_token": 4e-5, "mode": "image_generation"},
    "gpt-image-2": {"input_cost_per_token": 5e-6, "input_cost_per_image_token": 1e-5,
                    "output_cost_per_image_token": 4e-5, "mode": "image_generation"},
    "256-x-256/dall-e-2": {"input_cost_per_pixel": 2.4414e-07, "output_cost_per_pixel": 0.0,
                           "litellm_provider": "openai", "mode": "image_generation"}}}
PNG = ("image.png", b"\x89PNG\r\n\x1a\n and more", "image/png")
MADE = {"created": 1750000000, "data": [{"b64_json": "eA=="}], "usage": {
    "input_tokens": 333, "output_tokens": 1056, "total_tokens": 1389,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 323}}}
COST = 10 * Decimal("0.000005") + 323 * Decimal("0.00001") + 1056 * Decimal("0.00004")


@pytest.fixture
def gateway(tmp_path, upstream):
    with Gateway(tmp_path / "gateway", upstream.url, prices=BOOK) as gateway:
        yield gateway


def test_an_edit_holds_the_worst_case_of_its_images_and_is_billed_by_its_tokens(gateway, upstream):
    key = gateway.key("10 usd/day")
    [limit] = gateway.control.limits_of(key)
    client = client_of(gateway, key)
    upstream.script = Script(body=json.dumps(MADE).encode())
    made = client.images.with_raw_response.edit(model="gpt-image-1", image=[PNG, PNG], mask=PNG, prompt="a hat", n=1,
                                                size="1024x1024", quality="low", input_fidelity="high")
    assert made.parse().data[0].b64_json == "eA=="
    assert Decimal(made.headers["x-request-cost"]) == COST
    three = 3 * 48169 * Decimal("0.00001")  # the dearest image there is, and 6,240 tokens of what is made
    assert Decimal(made.headers["x-estimated-cost"]) > three + 6240 * Decimal("0.00004")
    assert upstream.requests[-1].body.count(PNG[1]) == 3
    gateway.control.wait_for_numbers(limit["id"], spent=COST)


def test_a_variation_is_billed_by_the_pixels_that_are_made(gateway, upstream):
    key = gateway.key("1 usd/day")
    [limit] = gateway.control.limits_of(key)
    upstream.script = Script(body=json.dumps({"created": 1, "data": [{"url": "u"}, {"url": "v"}]}).encode())
    client_of(gateway, key).images.create_variation(model="dall-e-2", image=PNG, n=2, size="256x256")
    # 2 × 256 × 256 of them at 2.4414e-07, rounded up to a billionth.
    gateway.control.wait_for_numbers(limit["id"], spent=Decimal("0.031999919"))


def test_what_cannot_be_bounded_does_not_leave(gateway, upstream):
    client = client_of(gateway, gateway.key("10 usd/day"))
    for more, why in (({"model": "gpt-image-2"}, "'gpt-image-2' bills for an image"), ({"size": "4096x4096"}, "'size'"),
                      ({"extra_body": {"images": "more"}}, "'images' is not known")):
        with pytest.raises(openai.BadRequestError, match=why):
            client.images.edit(**{"model": "gpt-image-1", "image": PNG, "prompt": "a hat", **more})
    poor = client_of(gateway, gateway.key("0.20 usd/day"))  # less than one image may cost
    with pytest.raises(openai.APIStatusError) as refused:
        poor.images.edit(model="gpt-image-1", image=PNG, prompt="a hat")
    assert refused.value.status_code == 402
    with pytest.raises(openai.APIStatusError) as refused:
        poor.images.generate(model="gpt-image-1", prompt="a hat")  # once, max_tokens was put into this
    assert refused.value.status_code == 402
    assert upstream.hits == 0
