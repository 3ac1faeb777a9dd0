"""The pages as files: what a browser is sent, how it may keep it, and what it may do with it. What they show is tested
in tests/e2e/browser."""

import gzip
import http.client
import json
import re

import pytest


def ask(gateway, path: str, method: str = "GET", **headers: str):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.control_port, timeout=10)
    connection.request(method, path, headers=headers)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, dict(reply.getheaders()), body


def script_of(gateway) -> str:
    page = ask(gateway, "/")[2].decode()
    assert "make build" not in page, "the binary has no pages: `make web`, and build it again"
    return re.search(r'<script type="module"[^>]* src="(/assets/[^"]+\.js)"', page)[1]


def test_a_page_is_asked_for_again_and_sent_only_when_it_changed(gateway):
    status, headers, body = ask(gateway, "/")
    assert (status, headers["Cache-Control"]) == (200, "no-cache")
    assert int(headers["Content-Length"]) == len(body)
    status, again, body = ask(gateway, "/", **{"If-None-Match": headers["ETag"]})
    assert (status, body, again["ETag"]) == (304, b"", headers["ETag"])
    assert ask(gateway, "/accounts/some-id")[2] == ask(gateway, "/")[2]


def test_a_file_named_by_its_content_is_kept_for_ever_and_compressed_for_who_takes_it(gateway):
    script = script_of(gateway)
    status, headers, plain = ask(gateway, script)
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    assert "Content-Encoding" not in headers
    status, headers, packed = ask(gateway, script, **{"Accept-Encoding": "gzip"})
    assert (status, headers["Content-Encoding"], headers["Vary"]) == (200, "gzip", "Accept-Encoding")
    assert gzip.decompress(packed) == plain
    status, headers, body = ask(gateway, script, "HEAD")
    assert (status, body, int(headers["Content-Length"])) == (200, b"", len(plain))


def test_a_page_may_run_nothing_but_its_own_files_and_stand_in_no_frame(gateway):
    for path in ("/", script_of(gateway), "/missing.js"):
        headers = ask(gateway, path)[1]
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';") and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    page = ask(gateway, "/")[2].decode()
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|https?://", page)


def test_what_is_not_there_is_not_a_page(gateway):
    assert ask(gateway, "/assets/index-gone.js")[0] == 404
    assert ask(gateway, "/api/v1/nothing")[0] == 401
    assert ask(gateway, "/", "POST")[0] in (404, 405)
    assert ask(gateway, "/healthz")[1]["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/assets/../index.html", "/%2e%2e/etc/passwd", "/assets/%00.js"])
def test_no_path_leads_out_of_the_pack(gateway, path):
    status, _, body = ask(gateway, path)
    assert b"root:" not in body
    assert status in (200, 404) and (status == 404 or body == ask(gateway, "/")[2])


def test_the_api_s_document_is_served_as_json(gateway):
    status, headers, body = ask(gateway, "/openapi.json")
    document = json.loads(body)
    assert (status, headers["Content-Type"], document["openapi"]) == (200, "application/json", "3.1.0")
    assert "/api/v1/accounts" in document["paths"]
