"""Calls of the admin API that are sent twice: done once, also by a process that was killed in between."""

import pytest

from gateway import ControlError


def test_a_call_with_an_idempotency_key_is_done_once(own_gateway):
    control = own_gateway.control
    first = control.ask("POST", "/api/v1/accounts", {"name": "acme"}, "make-acme")
    key = control.ask("POST", "/api/v1/keys", {"account": first["id"], "name": "k"}, "make-key")
    before = [control.pages(f"/api/v1/{what}") for what in ("accounts", "keys")]
    own_gateway.kill()
    own_gateway.start()
    assert control.ask("POST", "/api/v1/accounts", {"name": "acme"}, "make-acme") == first
    again = control.ask("POST", "/api/v1/keys", {"account": first["id"], "name": "k"}, "make-key")
    assert again == key | {"secret": "(not kept)"}
    for file in (own_gateway.folder / "data").rglob("*"):
        assert not file.is_file() or key["secret"].encode() not in file.read_bytes(), f"{file} has a key's secret"
    with pytest.raises(ControlError) as refused:
        control.ask("POST", "/api/v1/accounts", {"name": "other"}, "make-acme")
    assert refused.value.status == 422 and "came with another call" in str(refused.value)
    assert [control.pages(f"/api/v1/{what}") for what in ("accounts", "keys")] == before
