#include "net/http_server.h"

#include "net/world_test.h"

using namespace net;
using namespace net::testing;
using base::ErrorType;

namespace {

std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}
std::string post(std::string_view path, std::string_view body, std::string_view fields = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(fields) + "\r\n" + std::string(body);
}

// Sends, and expects just this reply.
Task<void> exchange(Stream& client, std::string_view request, std::string_view reply) {
  co_await send(client, request);
  const std::string got = co_await read_at_least(client, reply.size());
  CHECK(got == reply);
}

Task<void> keep_alive(Served& served) {
  Stream client = served.connect();
  for (int i = 0; i < 3; ++i) {
    co_await exchange(client, get("/one"), reply_with("/one"));
    co_await exchange(client, post("/echo", "body"), reply_with("body"));
  }
  CHECK(served.server.connections() == 1);
  CHECK(served.script.requests.size() == 6);
}

Task<void> close_when_asked(Served& served) {
  struct Row {
    std::string request, reply;
  };
  for (const Row& row :
       {Row{get("/one", "Connection: close\r\n"), reply_with("/one")},
        Row{"GET /old HTTP/1.0\r\n\r\n", reply_with("/old")}, Row{get("/close"), reply_with("/close")}}) {
    Stream client = served.connect();
    co_await send(client, row.request);
    Io end{};
    CHECK(co_await read_to_end(client, &end) == row.reply);
    CHECK(end == Io::closed);
    client.close();
  }
  co_await served.yield();
  CHECK(served.server.connections() == 0);
}

Task<void> pipeline(Served& served) {
  Stream client = served.connect();
  const std::string large(20'000, 'x');  // more than a buffer
  const std::string requests =
      get("/one") + post("/echo", "two") + post("/unread", "skipped") + post("/echo", large) +
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n" + get("/five");
  const std::string replies = reply_with("/one") + reply_with("two") + reply_with("/unread") + reply_with(large) +
                              reply_with("four") + reply_with("/five");
  for (const std::size_t step : {requests.size(), std::size_t{7}, std::size_t{4'096}}) {
    CAPTURE(step);
    for (std::size_t at = 0; at < requests.size(); at += step) {
      co_await send(client, std::string_view(requests).substr(at, step));
      if (at % 5 == 0) co_await served.loop.sleep(0);
    }
    CHECK((co_await read_at_least(client, replies.size()) == replies));
  }
}

// The next request came with the end of a body that had begun before: it lies in the body's buffer.
Task<void> follow_a_body(Served& served) {
  Stream client = served.connect();
  co_await send(client, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfo");
  co_await served.yield();
  co_await exchange(client, "ur\r\n0\r\n\r\n" + get("/next"), reply_with("four") + reply_with("/next"));
}

Task<void> expect_continue(Served& served) {
  Stream client = served.connect();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
  co_await exchange(client, head, "HTTP/1.1 100 Continue\r\n\r\n");
  co_await exchange(client, "body", reply_with("body"));
  co_await exchange(client, head + "body", reply_with("body"));  // it did not wait: nothing is announced

  // Who does not want the body says so, and the connection ends: the client may send the body or not.
  std::string unread = head;
  unread.replace(5, 5, "/unread");
  co_await send(client, unread);
  CHECK(co_await read_to_end(client) == reply_with("/unread"));
}

Task<void> refuse_what_is_no_http(Served& served) {
  const std::string refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  struct Row {
    std::string bytes;
    ErrorType type;
  };
  const Row rows[] = {{"nonsense\r\n\r\n", ErrorType::invalid_request},
                      {"GET / HTTP/1.1\r\n\r\n", ErrorType::invalid_request},
                      {get("/", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), ErrorType::invalid_request},
                      {"\x16\x03\x01\x02\x01\r\n\r\n", ErrorType::invalid_request},
                      {get("/", "X: " + std::string(20'000, 'x') + "\r\n"), ErrorType::headers_too_large}};
  for (const Row& row : rows) {
    CAPTURE(row.bytes.substr(0, 60));
    Stream client = served.connect();
    co_await send(client, get("/one") + row.bytes + "and more");  // after a good one
    CHECK(co_await read_to_end(client) == reply_with("/one") + refusal);
    REQUIRE_FALSE(served.script.refused.empty());
    CHECK(served.script.refused.back() == row.type);
  }
  CHECK(served.script.requests.size() == std::size(rows));
}

Task<void> bad_bodies(Served& served) {
  Stream client = served.connect();
  co_await send(client, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  CHECK(co_await read_to_end(client) == reply_with("invalid_request"));
  Stream large = served.connect();
  co_await send(large, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n");
  CHECK(co_await read_to_end(large) == reply_with("payload_too_large"));
}

// The reply must not be lost in a reset because the client was still sending.
Task<void> outlast_a_talker(Served& served) {
  Stream client = served.connect();
  const std::string body(200'000, 'x');
  co_await send(client, "POST /close HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
  co_await send(client, body);
  Io end{};
  CHECK(co_await read_to_end(client, &end) == reply_with("/close"));
  CHECK(end == Io::closed);  // no reset
  served.pass(2'000);        // and no longer than two seconds
  while (served.server.connections() > 0) co_await served.loop.sleep(5);
}

Task<void> endless_unread_body(Served& served) {
  Stream client = served.connect();
  co_await send(client, "POST /unread HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(co_await read_at_least(client, 1) == reply_with("/unread"));
  const std::string chunk = "10000\r\n" + std::string(65'536, 'x') + "\r\n";
  std::size_t sent = 0;
  while ((co_await client.write({chunk, {}, {}})).io == Io::ok) sent += chunk.size();
  CHECK(sent < 32 << 20);
}

// The client sends as fast as it can; the handler does not read yet: what is on its way is what the sockets hold.
Task<void> hold_back_a_fast_client(Served& served) {
  Stream client = served.connect();
  constexpr std::size_t size = 64 << 20;
  const std::string body(size, 'x');
  co_await send(client, "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  Stream::Parts parts{body, {}, {}};
  for (int i = 0; i < 20; ++i) {
    if (client.write_at_once(parts)) break;
    co_await served.yield();
  }
  CHECK(parts.size() > size / 2);
  served.script.go = true;
  const auto rest = co_await client.write(parts);
  CHECK(rest.io == Io::ok);
  const std::string reply = reply_with(std::to_string(size));
  CHECK(co_await read_at_least(client, reply.size()) == reply);
  CHECK(served.script.largest_piece <= MessageBuffer::capacity);
}

Task<void> hold_back_for_a_slow_client(Served& served) {
  Stream client = served.connect();
  co_await send(client, get("/flood"));
  for (int i = 0; i < 20; ++i) co_await served.yield();
  CHECK(served.script.sent > 0);
  CHECK(served.script.sent < Script::flood_bytes / 2);
  std::array<char, 65'536> into;
  std::size_t received = 0;
  while (received < Script::flood_bytes) {
    const auto read = co_await client.read_some(into.data(), into.size());
    REQUIRE(read.io == Io::ok);
    received += read.count;
  }
  CHECK(served.script.sent == Script::flood_bytes);
}

Task<void> notice_a_client_that_left(Served& served) {
  {
    Stream client = served.connect();
    co_await send(client, get("/flood"));
    co_await served.yield();
  }
  while (served.server.connections() > 0) co_await served.loop.sleep(1);
  CHECK(served.script.hung_up);
}

// Each row: what the client does before it falls silent, and for how long it may.
Task<void> time_out(Served& served) {
  struct Row {
    std::string name;
    std::string said;
    std::int64_t ms;
    std::string answer;
  };
  for (const Row& row : {Row{"no request", "", 700, ""}, Row{"no second request", get("/one"), 700, reply_with("/one")},
                         Row{"half a head", "GET / HTTP/1.1\r\nHost", 300, ""},
                         Row{"half a body", "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", 500,
                             reply_with("/unread")}}) {
    CAPTURE(row.name);
    Stream client = served.connect();
    co_await send(client, row.said);
    if (!row.answer.empty()) CHECK(co_await read_at_least(client, row.answer.size()) == row.answer);
    co_await served.yield();
    served.pass(row.ms - 1);
    co_await served.loop.sleep(120);  // a tick
    CHECK(served.server.connections() == 1);
    served.pass(1);
    CHECK(co_await read_to_end(client) == "");
    client.close();
    co_await served.yield();
    CHECK(served.server.connections() == 0);
  }
}

Task<void> time_out_a_client_that_does_not_read(Served& served) {
  Stream client = served.connect();
  co_await send(client, get("/flood"));
  while (served.script.sent == 0) co_await served.yield();
  served.pass(900);
  while (!served.script.hung_up) co_await served.loop.sleep(1);
  CHECK(served.script.sent < Script::flood_bytes);
}

Task<void> drain(Served& served) {
  Stream idle = served.connect(), busy = served.connect(), fresh = served.connect();
  co_await exchange(idle, get("/one"), reply_with("/one"));
  co_await send(busy, post("/wait", "body"));
  co_await served.yield();
  served.server.drain();
  CHECK(served.server.draining());
  CHECK(co_await read_to_end(idle) == "");
  CHECK(co_await read_to_end(fresh) == "");  // it has never said a word
  served.script.go = true;
  CHECK(co_await read_to_end(busy) == reply_with("4"));
  CHECK_FALSE(served.script.keeps_alive);
  Stream late = served.connect();
  CHECK(co_await read_to_end(late) == "");
  for (Stream* client : {&idle, &busy, &fresh, &late}) client->close();
  co_await served.yield();
  CHECK(served.server.connections() == 0);
}

Task<void> close_all(Served& served) {
  Stream busy = served.connect();
  co_await send(busy, get("/flood"));
  co_await served.yield();
  served.server.close_all();
  Io end{};
  co_await read_to_end(busy, &end);
  CHECK(served.server.connections() == 0);
}

Task<void> leave_everything_open(Served& served) {
  Stream idle = served.connect(), waiting = served.connect(), flooded = served.connect();
  co_await exchange(idle, get("/one"), reply_with("/one"));
  co_await send(waiting, post("/wait", "x"));
  co_await send(flooded, get("/flood"));
  co_await served.yield();
  CHECK(served.server.connections() == 3);
}

}  // namespace

TEST_CASE("a connection serves one request after the other") {
  Served served;
  served.run(keep_alive(served));
}

TEST_CASE("a connection ends after its reply where the client, its version or the handler says so") {
  Served served;
  served.run(close_when_asked(served));
}

TEST_CASE("requests that come together are answered in order, wherever their bytes are cut") {
  Served served;
  served.run(pipeline(served));
}

TEST_CASE("a request that came with the end of a body is not lost") {
  Served served;
  served.run(follow_a_body(served));
}

TEST_CASE("100 Continue is sent when the body is wanted and was not sent yet") {
  Served served;
  served.run(expect_continue(served));
}

TEST_CASE("what is not HTTP is answered and the connection closed, nothing behind it is read") {
  Served served;
  served.run(refuse_what_is_no_http(served));
}

TEST_CASE("a body that is framed wrongly or too large is the handler's to answer") {
  Served served;
  served.run(bad_bodies(served));
}

TEST_CASE("a reply reaches a client that is still sending") {
  Served served;
  served.run(outlast_a_talker(served));
}

TEST_CASE("a body that nobody reads is not skipped for ever") {
  Served served;
  served.run(endless_unread_body(served));
}

TEST_CASE("a client sends no faster than the handler reads") {
  Served served;
  served.run(hold_back_a_fast_client(served));
}

TEST_CASE("a handler sends no faster than the client reads") {
  Served served;
  served.run(hold_back_for_a_slow_client(served));
}

TEST_CASE("a handler learns that its client left") {
  Served served;
  served.run(notice_a_client_that_left(served));
}

TEST_CASE("a silent client is waited for as long as its silence deserves") {
  Served served({.idle_ms = 700, .head_ms = 300, .body_ms = 500, .write_ms = 900});
  served.run(time_out(served));
}

TEST_CASE("a client that does not take its reply is given up") {
  Served served({.idle_ms = 700, .head_ms = 300, .body_ms = 500, .write_ms = 900});
  served.run(time_out_a_client_that_does_not_read(served));
}

TEST_CASE("draining ends idle connections at once and busy ones after their reply") {
  Served served;
  served.run(drain(served));
}

TEST_CASE("closing all connections ends busy ones, too") {
  Served served;
  served.run(close_all(served));
}

TEST_CASE("a server may end with its loop in the middle of everything") {
  Served served;
  served.run(leave_everything_open(served));
}
