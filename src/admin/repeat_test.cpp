// Calls that are sent twice.
#include "admin/repeat.h"

#include "admin/world_test.h"

using admin::testing::World;

namespace {

std::string replayed(const admin::Response& response) {
  for (const auto& [name, value] : response.headers)
    if (name == "Idempotency-Replayed") return value;
  return {};
}

// The disk is full when an answer is to be kept.
class ForgettingStore final : public idempotency::Store {
 public:
  explicit ForgettingStore(idempotency::Store& store) : store_(store) {}
  base::Result<std::optional<idempotency::Standing>> claim(const idempotency::ClaimRequest& request) override {
    return store_.claim(request);
  }
  base::Status finish(const idempotency::Name&, base::ExchangeId, idempotency::State,
                      const std::optional<idempotency::KeptReply>&) override {
    return base::fail(base::ErrorType::unavailable, "the disk is full", {}, base::Source::store);
  }
  base::Status free(const idempotency::Name& name, base::ExchangeId exchange) override {
    return store_.free(name, exchange);
  }

 private:
  idempotency::Store& store_;
};

struct Bench : World {
  Bench() { REQUIRE(secret_store.open_incarnation(clock.wall_now()).has_value()); }
  admin::Response post(const std::string& key, std::string_view call, const std::string& body) {
    idempotency_key = key;
    auto response = send(call, body);
    idempotency_key.clear();
    return response;
  }
  std::size_t accounts() { return catalog->current()->accounts().size(); }
};

}  // namespace

TEST_CASE("what is sent twice with one key is done once, and answered twice") {
  Bench bench;
  const auto first = bench.post("one", "POST /api/v1/accounts", R"({"name":"Acme"})");
  const auto again = bench.post("one", "POST /api/v1/accounts", R"({"name":"Acme"})");
  CHECK(first.status == 201);
  CHECK(again.status == 201);
  CHECK(again.body == first.body);
  CHECK(again.content_type == first.content_type);
  CHECK(replayed(first) == "");
  CHECK(replayed(again) == "true");
  CHECK(bench.accounts() == 1);
  CHECK(bench.post("two", "POST /api/v1/accounts", R"({"name":"Acme"})").status == 201);
  CHECK(bench.accounts() == 2);
}

TEST_CASE("every change may be sent twice") {
  Bench bench;
  bench.play(
      {{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"},
       {"POST /api/v1/limits", R"({"account":"Acme","unit":"usd","window":"day","amount":"5"})", 201, {}, "day"}});
  for (const std::string_view call : {"first", "second"}) {
    CAPTURE(call);
    CHECK(bench.post("edit", "PATCH /api/v1/limits/{day}", R"({"amount":"7"})").status == 200);
    CHECK(bench.post("gone", "DELETE /api/v1/limits/{day}", "").status == 204);
  }
  CHECK(bench.post("gone", "PATCH /api/v1/limits/{day}", R"({"amount":"7"})").status == 422);
  CHECK(bench.post("late", "DELETE /api/v1/limits/{day}", "").status == 404);
}

TEST_CASE("where nobody knows what became of the first call, the second one is not made") {
  Bench bench;
  ForgettingStore forgetting(bench.secret_store);
  bench.idempotency = &forgetting;
  const auto again = [&] { return bench.post("one", "POST /api/v1/accounts", R"({"name":"Acme"})"); };
  CHECK(again().status == 201);
  const auto early = again();
  CHECK(early.status == 409);
  CHECK(early.body.contains("is not over yet"));
  REQUIRE(bench.secret_store.open_incarnation(bench.clock.wall_now()).has_value());
  const auto after_the_end = again();
  CHECK(after_the_end.status == 409);
  CHECK(after_the_end.body.contains("the process ended during the first call"));
  CHECK(bench.accounts() == 1);
}

TEST_CASE("a key that came with another call does nothing") {
  Bench bench;
  CHECK(bench.post("one", "POST /api/v1/accounts", R"({"name":"Acme"})").status == 201);
  for (const auto* call : {R"({"name":"Other"})", ""}) {
    const auto other = bench.post("one", "POST /api/v1/accounts", call);
    CHECK(other.status == 422);
    CHECK(other.body.contains(R"("field":"Idempotency-Key")"));
    CHECK(other.body.contains("take a new one for a new call"));
  }
  CHECK(bench.post("one", "POST /api/v1/keys", R"({"name":"Acme"})").status == 422);
  CHECK(bench.accounts() == 1);
  bench.address = "192.0.2.2";  // the same caller from elsewhere
  CHECK(bench.post("one", "POST /api/v1/accounts", R"({"name":"Other"})").status == 422);
}

TEST_CASE("what was refused did nothing, and its key may come again") {
  Bench bench;
  CHECK(bench.post("one", "POST /api/v1/accounts", R"({"nome":"Acme"})").status == 400);
  CHECK(bench.post("one", "POST /api/v1/accounts", R"({"name":"Acme"})").status == 201);
  CHECK(bench.post("a key", "POST /api/v1/accounts", R"({"name":"Acme"})").status == 400);
  CHECK(bench.post(std::string(256, 'k'), "POST /api/v1/accounts", R"({"name":"Acme"})").status == 400);
  CHECK(bench.accounts() == 1);
}

TEST_CASE("the second answer has no secret, for nobody keeps one") {
  Bench bench;
  bench.play({{"POST /api/v1/accounts", R"({"name":"Acme"})", 201, {}, "acme"}});
  const auto first = bench.post("one", "POST /api/v1/keys", R"({"account":"Acme","name":"k"})");
  REQUIRE(first.status == 201);
  CHECK(first.body.contains("mg_live_"));
  const auto again = bench.post("one", "POST /api/v1/keys", R"({"account":"Acme","name":"k"})");
  CHECK(again.status == 201);
  CHECK(again.body.contains(R"x("secret":"(not kept)")x"));
}

TEST_CASE("a key is free for another call after a day") {
  Bench bench;
  CHECK(bench.post("one", "POST /api/v1/accounts", R"({"name":"Acme"})").status == 201);
  bench.clock.advance_ms(24 * 3'600'000);
  const auto later = bench.post("one", "POST /api/v1/accounts", R"({"name":"Acme"})");
  CHECK(later.status == 201);
  CHECK(replayed(later) == "");
  CHECK(bench.accounts() == 2);
}
