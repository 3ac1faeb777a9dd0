#include "idempotency/desk.h"

#include <doctest/doctest.h>

#include <deque>

#include "store/memory/memory_store.h"
#include "tests/support/seeded_random.h"

using idempotency::Claim;
using idempotency::Desk;
using idempotency::Standing;
using idempotency::State;

namespace {

class World {
 public:
  store::MemoryStore store;
  std::deque<std::function<void()>> jobs;
  Desk desk{store, [this](std::function<void()> job) { jobs.push_back(std::move(job)); }};
  tests::SeededRandom random{1};
  base::WallTime now{1'795'219'200'000};
  base::KeyId key = base::KeyId::create(now, random);

  World() { REQUIRE(store.open_incarnation(now).has_value()); }

  // The store thread at work.
  void turn() {
    while (!jobs.empty()) {
      const auto job = std::move(jobs.front());
      jobs.pop_front();
      job();
    }
  }
  // Answers come into the place; empty until there is one.
  void ask(std::optional<Desk::Answer>& into, Desk::WhileInFlight in_flight = Desk::WhileInFlight::tell) {
    now.ms += 1;
    desk.claim({.name = {key, base::sha256("name")},
                .request = base::sha256("body"),
                .exchange = base::ExchangeId::create(now, random),
                .now = now,
                .expires = {now.ms + 1'000'000}},
               in_flight, [&into](Desk::Answer answer) { into = std::move(answer); });
    turn();
  }
  Claim claimed() {
    std::optional<Desk::Answer> answer;
    ask(answer);
    REQUIRE(answer);
    REQUIRE(answer->has_value());
    REQUIRE(std::holds_alternative<Claim>(**answer));
    return std::move(std::get<Claim>(**answer));
  }
  State state() {
    std::optional<Desk::Answer> answer;
    ask(answer);
    REQUIRE(answer);
    REQUIRE(std::holds_alternative<Standing>(**answer));
    return std::get<Standing>(**answer).state;
  }
  static bool is_claim(const std::optional<Desk::Answer>& answer) {
    return answer && answer->has_value() && std::holds_alternative<Claim>(**answer);
  }
};

}  // namespace

TEST_CASE("a claim that is dropped before its call was sent is free, and after it unknown") {
  World world;
  {
    const Claim unsent = world.claimed();
  }
  {
    Claim sent = world.claimed();
    sent.mark_sent();
  }
  CHECK(world.state() == State::unknown);
}

TEST_CASE("each end of a claim is what the next call finds") {
  {
    World world;
    Claim claim = world.claimed();
    CHECK(world.state() == State::in_flight);
    claim.mark_sent();
    std::move(claim).keep({.status = 200, .fields = {}, .body = "b"});
    CHECK(world.state() == State::kept);
  }
  {
    World world;
    Claim claim = world.claimed();
    claim.mark_sent();
    std::move(claim).not_kept();
    CHECK(world.state() == State::not_kept);
  }
  {
    World world;
    Claim claim = world.claimed();
    claim.mark_sent();
    std::move(claim).free();
    (void)world.claimed();
  }
}

TEST_CASE("a claim that was moved ends once, with its last owner") {
  World world;
  Claim first = world.claimed();
  Claim second = std::move(first);
  second.mark_sent();
  CHECK(world.state() == State::in_flight);
  std::move(second).keep({.status = 200, .fields = {}, .body = "b"});
  CHECK(world.state() == State::kept);
}

TEST_CASE("who waits gets the reply of the call in flight") {
  World world;
  Claim claim = world.claimed();
  std::optional<Desk::Answer> first;
  std::optional<Desk::Answer> second;
  world.ask(first, Desk::WhileInFlight::wait);
  world.ask(second, Desk::WhileInFlight::wait);
  CHECK_FALSE(first.has_value());
  claim.mark_sent();
  std::move(claim).keep({.status = 200, .fields = {}, .body = "b"});
  world.turn();
  for (const auto& answer : {&first, &second}) {
    REQUIRE(answer->has_value());
    CHECK(std::get<Standing>(***answer).reply->body == "b");
  }
}

TEST_CASE("of those who wait for a call that was not sent, the first may send its own and the others wait on") {
  World world;
  std::optional<Claim> claim = world.claimed();
  std::optional<Desk::Answer> first;
  std::optional<Desk::Answer> second;
  world.ask(first, Desk::WhileInFlight::wait);
  world.ask(second, Desk::WhileInFlight::wait);
  claim.reset();
  world.turn();
  CHECK(World::is_claim(first));
  CHECK_FALSE(second.has_value());
  first.reset();  // its client is gone: unsent
  world.turn();
  CHECK(World::is_claim(second));
}

TEST_CASE("a store that fails is said to who claims, and a call whose end is not written stays in flight") {
  class FailingStore final : public idempotency::Store {
   public:
    bool failing = true;
    store::MemoryStore good;
    base::Result<std::optional<Standing>> claim(const idempotency::ClaimRequest& request) override {
      if (failing) return base::fail(base::ErrorType::unavailable, "the disk is full");
      return good.claim(request);
    }
    base::Status finish(const idempotency::Name&, base::ExchangeId, State,
                        const std::optional<idempotency::KeptReply>&) override {
      return base::fail(base::ErrorType::unavailable, "the disk is full");
    }
    base::Status free(const idempotency::Name&, base::ExchangeId) override { return {}; }
  } store;
  const base::WallTime now{1'795'219'200'000};
  REQUIRE(store.good.open_incarnation(now).has_value());
  Desk desk(store, [](const std::function<void()>& job) { job(); });
  tests::SeededRandom random{1};
  const auto claim = [&] {
    std::optional<Desk::Answer> out;
    desk.claim({.name = {},
                .request = {},
                .exchange = base::ExchangeId::create(now, random),
                .now = now,
                .expires = {now.ms + 1}},
               Desk::WhileInFlight::tell, [&](Desk::Answer answer) { out = std::move(answer); });
    return std::move(*out);
  };
  CHECK(claim().error().message == "the disk is full");
  store.failing = false;
  {
    auto claimed = claim();
    Claim sent = std::move(std::get<Claim>(*claimed));
    sent.mark_sent();
    std::move(sent).keep({.status = 200, .fields = {}, .body = "b"});
  }
  CHECK(std::get<Standing>(*claim()).state == State::in_flight);
}

TEST_CASE("nothing stays in flight by a call that is not sent, although the store did not answer") {
  // Does what it is asked, and does not say so while it is silent.
  class SilentStore final : public idempotency::Store {
   public:
    bool silent = false;
    store::MemoryStore good;
    base::Result<std::optional<Standing>> claim(const idempotency::ClaimRequest& request) override {
      auto answer = good.claim(request);
      if (silent) return base::fail(base::ErrorType::unavailable, "no answer");
      return answer;
    }
    base::Status finish(const idempotency::Name& name, base::ExchangeId exchange, State state,
                        const std::optional<idempotency::KeptReply>& reply) override {
      return good.finish(name, exchange, state, reply);
    }
    base::Status free(const idempotency::Name& name, base::ExchangeId exchange) override {
      if (silent) return base::fail(base::ErrorType::unavailable, "no answer");
      return good.free(name, exchange);
    }
  } store;
  const base::WallTime now{1'795'219'200'000};
  REQUIRE(store.good.open_incarnation(now).has_value());
  Desk desk(store, [](const std::function<void()>& job) { job(); });
  tests::SeededRandom random{1};
  const auto claim = [&] {
    std::optional<Desk::Answer> out;
    desk.claim({.name = {},
                .request = {},
                .exchange = base::ExchangeId::create(now, random),
                .now = now,
                .expires = {now.ms + 1'000}},
               Desk::WhileInFlight::tell, [&](Desk::Answer answer) { out = std::move(answer); });
    return std::move(*out);
  };
  SUBCASE("when it was claimed") {
    store.silent = true;
    CHECK_FALSE(claim().has_value());
    CHECK_FALSE(claim().has_value());
  }
  SUBCASE("when it was to be free") {
    auto claimed = claim();
    store.silent = true;
    std::move(std::get<Claim>(*claimed)).free();
  }
  store.silent = false;
  CHECK(std::holds_alternative<Claim>(*claim()));
}
