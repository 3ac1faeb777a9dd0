#include "tests/conformance/stores.h"

using idempotency::KeptReply;
using idempotency::State;

namespace {

constexpr std::int64_t hour_ms = 3'600'000;

// Short words for what tests do with keys. `who` tells API keys apart, `name` Idempotency-Keys.
template <class Store>
struct Keys : tests::Bench<Store> {
  base::KeyId other_key = this->template id<base::KeyId>();

  idempotency::ClaimRequest request(std::string_view name, std::string_view body = "body") {
    return {.name = {this->key.id, base::sha256(name)},
            .request = base::sha256(body),
            .exchange = this->template id<base::ExchangeId>(),
            .now = this->now,
            .expires = {this->now.ms + hour_ms}};
  }
  // nullopt: claimed.
  std::optional<idempotency::Standing> claim(const idempotency::ClaimRequest& request) {
    auto found = this->on.store->claim(request);
    REQUIRE(found.has_value());
    return std::move(*found);
  }
  void finish(const idempotency::ClaimRequest& request, State state, std::optional<KeptReply> reply = std::nullopt) {
    REQUIRE(this->on.store->finish(request.name, request.exchange, state, reply).has_value());
  }
  void pass(std::int64_t ms) { this->now.ms += ms; }
};

KeptReply reply_of(std::string body) { return {.status = 201, .fields = "A: b\r\n", .body = std::move(body)}; }

}  // namespace

TEST_CASE_TEMPLATE("a key is claimed once, and whoever comes later is told by whom", Store, EVERY_STORE) {
  Keys<Store> keys;
  const auto first = keys.request("one");
  CHECK_FALSE(keys.claim(first));
  const auto again = keys.claim(keys.request("one"));
  REQUIRE(again);
  CHECK(again->state == State::in_flight);
  CHECK(again->exchange == first.exchange);
  CHECK(again->same_request);
  CHECK_FALSE(keys.claim(keys.request("two")));
  auto of_another = keys.request("one");
  of_another.name.key = keys.other_key;
  CHECK_FALSE(keys.claim(of_another));
}

TEST_CASE_TEMPLATE("who has a key in flight and asks again has it still, until its call has ended", Store,
                   EVERY_STORE) {
  Keys<Store> keys;
  const auto first = keys.request("one");
  CHECK_FALSE(keys.claim(first));
  CHECK_FALSE(keys.claim(first));
  keys.finish(first, State::unknown);
  CHECK(keys.claim(first)->state == State::unknown);
}

TEST_CASE_TEMPLATE("a kept reply comes back byte for byte, to the same request only", Store, EVERY_STORE) {
  Keys<Store> keys;
  const auto first = keys.request("one");
  CHECK_FALSE(keys.claim(first));
  const auto reply = reply_of(std::string("data: \0\xFF\n\n", 10));
  keys.finish(first, State::kept, reply);
  const auto again = keys.claim(keys.request("one"));
  REQUIRE(again);
  CHECK(again->state == State::kept);
  CHECK(again->exchange == first.exchange);
  CHECK(again->reply == reply);
  const auto other = keys.claim(keys.request("one", "another body"));
  REQUIRE(other);
  CHECK_FALSE(other->same_request);
  CHECK_FALSE(other->reply.has_value());
}

TEST_CASE_TEMPLATE("an empty reply is kept as one", Store, EVERY_STORE) {
  Keys<Store> keys;
  const auto first = keys.request("one");
  CHECK_FALSE(keys.claim(first));
  keys.finish(first, State::kept, KeptReply{.status = 200, .fields = {}, .body = {}});
  CHECK(keys.claim(keys.request("one"))->reply == KeptReply{.status = 200, .fields = {}, .body = {}});
}

TEST_CASE_TEMPLATE("what was not kept, and what is unknown, stays so", Store, EVERY_STORE) {
  for (const State state : {State::not_kept, State::unknown}) {
    Keys<Store> keys;
    const auto first = keys.request("one");
    CHECK_FALSE(keys.claim(first));
    keys.finish(first, state);
    for (int i = 0; i < 2; ++i) {
      const auto again = keys.claim(keys.request("one"));
      REQUIRE(again);
      CHECK(again->state == state);
      CHECK_FALSE(again->reply.has_value());
    }
  }
}

TEST_CASE_TEMPLATE("a key that was given up is free again, for another request too", Store, EVERY_STORE) {
  Keys<Store> keys;
  const auto first = keys.request("one");
  CHECK_FALSE(keys.claim(first));
  REQUIRE(keys.on.store->free(first.name, first.exchange).has_value());
  CHECK_FALSE(keys.claim(keys.request("one", "another body")));
}

TEST_CASE_TEMPLATE("only its own exchange ends a claim, and only once", Store, EVERY_STORE) {
  Keys<Store> keys;
  const auto first = keys.request("one");
  CHECK_FALSE(keys.claim(first));
  const auto stranger = keys.request("one");
  REQUIRE(keys.on.store->free(stranger.name, stranger.exchange).has_value());
  keys.finish(stranger, State::kept, reply_of("wrong"));
  CHECK(keys.claim(keys.request("one"))->state == State::in_flight);
  keys.finish(first, State::kept, reply_of("right"));
  keys.finish(first, State::unknown);
  REQUIRE(keys.on.store->free(first.name, first.exchange).has_value());
  CHECK(keys.claim(keys.request("one"))->reply == reply_of("right"));
}

TEST_CASE_TEMPLATE("a key is free when its time is over, unless its call still runs", Store, EVERY_STORE) {
  Keys<Store> keys;
  const auto running = keys.request("running");
  const auto ended = keys.request("ended");
  CHECK_FALSE(keys.claim(running));
  CHECK_FALSE(keys.claim(ended));
  keys.finish(ended, State::kept, reply_of("old"));
  keys.now = ended.expires;
  keys.now.ms -= 2;  // each request takes a millisecond
  CHECK(keys.claim(keys.request("ended")).has_value());
  CHECK_FALSE(keys.claim(keys.request("ended", "another body")));
  CHECK(keys.claim(keys.request("running"))->state == State::in_flight);
  keys.finish(running, State::unknown);
  CHECK_FALSE(keys.claim(keys.request("running")));
}

TEST_CASE_TEMPLATE("nobody knows what became of a call of an earlier process", Store, EVERY_STORE) {
  Keys<Store> keys;
  const auto lost = keys.request("lost");
  const auto ended = keys.request("ended");
  CHECK_FALSE(keys.claim(lost));
  CHECK_FALSE(keys.claim(ended));
  keys.finish(ended, State::kept, reply_of("kept"));
  REQUIRE(keys.on.store->open_incarnation(keys.now).has_value());
  const auto again = keys.claim(keys.request("lost"));
  REQUIRE(again);
  CHECK(again->state == State::unknown);
  CHECK(again->exchange == lost.exchange);
  CHECK(keys.claim(keys.request("ended"))->reply == reply_of("kept"));
  // Late words of the earlier process change nothing.
  keys.finish(lost, State::kept, reply_of("late"));
  REQUIRE(keys.on.store->free(lost.name, lost.exchange).has_value());
  CHECK(keys.claim(keys.request("lost"))->state == State::unknown);
  keys.pass(2 * hour_ms);
  CHECK_FALSE(keys.claim(keys.request("lost")));
}

TEST_CASE("kept replies survive a restart, and what expired goes with later claims") {
  Keys<tests::OnSqlite> keys;
  std::vector<idempotency::ClaimRequest> old;
  for (int i = 0; i < 10; ++i) {
    old.push_back(keys.request(std::to_string(i)));
    CHECK_FALSE(keys.claim(old.back()));
    keys.finish(old.back(), State::kept, reply_of("old"));
  }
  keys.on.reopen();
  REQUIRE(keys.on.store->open_incarnation(keys.now).has_value());
  CHECK(keys.claim(keys.request("3"))->reply == reply_of("old"));
  const auto rows = [&] {
    auto raw = *store::sqlite::Database::open(keys.on.folder.path() / "metergate.db",
                                              store::sqlite::Database::Access::read_only);
    auto counted = raw.query("SELECT count(*) FROM idempotency_keys");
    REQUIRE(*counted->next());
    return counted->take_integer();
  };
  CHECK(rows() == 10);
  keys.pass(2 * hour_ms);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(keys.claim(keys.request("new " + std::to_string(i))));
  CHECK(rows() == 3);
}

TEST_CASE_TEMPLATE("of so many keys something is kept, and the earliest to expire make room", Store, EVERY_STORE) {
  Keys<Store> keys;
  const auto bounded = [&](std::string_view name) {
    auto request = keys.request(name);
    request.most = 3;
    return request;
  };
  const auto running = bounded("running");
  CHECK_FALSE(keys.claim(running));
  for (const char* name : {"one", "two", "three", "four"}) {
    keys.pass(1);
    const auto request = bounded(name);
    CHECK_FALSE(keys.claim(request));
    keys.finish(request, State::kept, reply_of(name));
  }
  CHECK(keys.claim(bounded("four"))->state == State::kept);
  CHECK(keys.claim(bounded("three"))->state == State::kept);
  CHECK(keys.claim(bounded("two"))->state == State::kept);
  CHECK(keys.claim(bounded("running"))->state == State::in_flight);
  CHECK_FALSE(keys.claim(bounded("one")));  // forgotten
  auto of_another = keys.request("one");
  of_another.name.key = keys.other_key;
  CHECK_FALSE(keys.claim(of_another));
  CHECK(keys.claim(keys.request("running"))->state == State::in_flight);
}
