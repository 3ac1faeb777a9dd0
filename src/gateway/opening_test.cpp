// A limit comes into force while exchanges are on their way.
#include <doctest/doctest.h>

#include "gateway/world_test.h"
#include "meter/request_reader.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;
using net::testing::send;

namespace {

const std::string question = R"({"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":10})";
const std::string answer =
    R"({"model":"m","choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25}})";
constexpr std::int64_t answer_cost = 20 * 1'000 + 5 * 2'000;
const std::int64_t worst = (std::ssize(question) + meter::input_margin_tokens) * 1'000 + 10 * 2'000;

// A limit on the account that is not in the worker's catalog yet.
struct Coming {
  catalog::Limit limit;
  std::shared_ptr<quota::Lease> lease;

  explicit Coming(World& world, catalog::LimitFilter filter = {}, base::WindowPolicy window = {}) {
    limit = world.limit(1'000'000'000);
    world.limits.pop_back();
    limit.filter = std::move(filter);
    limit.window = window;
    lease = std::make_shared<quota::Lease>(limit.id, window, base::window_at(window, world.clock.wall_now()));
  }
  void comes(World& world) const {
    catalog::Contents contents = world.snapshot->contents();
    contents.limits.push_back(limit);
    const auto next = catalog::Snapshot::build(std::move(contents));
    REQUIRE(next.has_value());
    REQUIRE(world.worker->take_on(std::vector{quota::OpeningLimit{limit, lease}}, *next).has_value());
    world.snapshot = *next;
  }
};

std::vector<base::LimitId> limits_of(const events::UsageRecord& record) {
  std::vector<base::LimitId> ids;
  for (const events::Hold& hold : record.holds) ids.push_back(hold.limit);
  return ids;
}

Task<void> under_way(World& world) {
  world.upstream.replies.push_back({{}, Scripted::Then::hang});
  net::Stream client = world.connect();
  co_await send(client, world.call(question));
  while (world.upstream.requests.empty()) co_await world.loop.sleep(1);
  const Coming one(world, {.model = "m*"}), other(world, {.model = "gpt*"}), elsewhere(world, {.route = "there"});
  for (const Coming* coming : {&one, &other, &elsewhere}) coming->comes(world);
  CHECK(one.lease->reserved() == worst);
  CHECK(other.lease->reserved() == 0);
  CHECK(elsewhere.lease->reserved() == 0);
  world.upstream_server.close_all();
  CHECK((co_await read_reply(client)).status() == 502);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(limits_of(records[0]) == std::vector{world.limits[0].id, one.limit.id});
  CHECK(records[0].holds[1].unresolved == worst);
  CHECK(one.lease->reserved() == 0);
}

// It counts where it was when it was asked: what it spends is looked for there, and nowhere else.
Task<void> moved(World& world) {
  world.upstream.replies.push_back({{}, Scripted::Then::hang});
  const auto another = [&](const char* name) {
    catalog::Account account = world.account;
    account.id = base::AccountId::create({2}, world.random);
    account.name = name;
    return account;
  };
  const catalog::Account left = another("left"), right = another("right");
  const auto stands_below = [&](const catalog::Account& parent) {
    catalog::Contents contents = world.snapshot->contents();
    world.account.parent = parent.id;
    contents.accounts = {};
    for (const catalog::Account& account : {left, right, world.account}) contents.accounts.push_back(account);
    world.snapshot = *catalog::Snapshot::build(std::move(contents));
    world.worker->use(world.snapshot);
  };
  stands_below(left);
  net::Stream client = world.connect();
  co_await send(client, world.call(question));
  while (world.upstream.requests.empty()) co_await world.loop.sleep(1);
  stands_below(right);
  Coming own(world), on_left(world), on_right(world);
  on_left.limit.subject = left.id;
  on_right.limit.subject = right.id;
  for (const Coming* coming : {&own, &on_left, &on_right}) coming->comes(world);
  CHECK(own.lease->reserved() == worst);
  CHECK(on_left.lease->reserved() == worst);
  CHECK(on_right.lease->reserved() == 0);
}

Task<void> of_yesterday(World& world) {
  world.upstream.replies.push_back({{}, Scripted::Then::hang});
  net::Stream client = world.connect();
  co_await send(client, world.call(question));
  while (world.upstream.requests.empty()) co_await world.loop.sleep(1);
  world.clock.advance_ms(86'400'000);
  const Coming day(world), total(world, {}, *base::parse_window("total"));
  day.comes(world);
  total.comes(world);
  CHECK(day.lease->reserved() == 0);
  CHECK(total.lease->reserved() == worst);
}

Task<void> waiting(World& world) {
  world.answers(answer);
  net::Stream client = world.connect();
  co_await send(client, world.call(question));
  for (int i = 0; i < 20; ++i) co_await world.yield();
  const Coming coming(world);
  coming.comes(world);
  CHECK(coming.lease->reserved() == worst);
  world.keeper_sleeps = false;
  world.keeper->turn();
  CHECK((co_await read_reply(client)).status() == 200);
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(limits_of(records[0]) == std::vector{world.limits[0].id, coming.limit.id});
  CHECK(records[0].holds[1].reserved == worst);
  CHECK(records[0].holds[1].spent == answer_cost);
  CHECK(coming.lease->reserved() == 0);
}

Task<void> waiting_in_vain(World& world) {
  net::Stream client = world.connect();
  co_await send(client, world.call(question));
  for (int i = 0; i < 20; ++i) co_await world.yield();
  const Coming coming(world);
  coming.comes(world);
  CHECK(coming.lease->reserved() == worst);
  world.keeper_sleeps = false;
  world.keeper->turn();
  CHECK((co_await read_reply(client)).status() == 402);
  CHECK(coming.lease->reserved() == 0);
  CHECK(coming.lease->owed() == 0);
}

Task<void> reading_its_body(World& world) {
  world.answers(answer);
  net::Stream client = world.connect();
  const std::string call = world.call(question);
  co_await send(client, call.substr(0, call.size() - 5));
  for (int i = 0; i < 20; ++i) co_await world.yield();
  const Coming coming(world);
  coming.comes(world);
  CHECK(coming.lease->reserved() == 0);  // it will ask by itself
  co_await send(client, call.substr(call.size() - 5));
  CHECK((co_await read_reply(client)).status() == 200);
  (void)world.records();
  CHECK(world.state(coming.limit).spent == answer_cost);
}

// It was answered with the numbers of the limits it had asked for, and the list of those it has now.
Task<void> asking_for_its_budget(World& world) {
  net::Stream client = world.connect();
  co_await send(client,
                fmt::format("GET /v1/budget HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {}\r\n\r\n", world.secret));
  for (int i = 0; i < 20; ++i) co_await world.yield();
  const Coming coming(world);
  coming.comes(world);
  world.keeper_sleeps = false;
  world.keeper->turn();
  const Reply reply = co_await read_reply(client);
  CHECK(reply.status() == 200);
  const auto json = base::Json::parse(reply.body).value();
  const auto limits = json.find("limits")->items();
  REQUIRE(limits.size() == 1);
  CHECK(limits[0].find("id")->text() == world.limits[0].id.to_string());
}

Task<void> listing_models(World& world) {
  world.upstream.replies.push_back({{}, Scripted::Then::hang});
  net::Stream client = world.connect();
  co_await send(client,
                fmt::format("GET /v1/models HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {}\r\n\r\n", world.secret));
  while (world.upstream.requests.empty()) co_await world.loop.sleep(1);
  const Coming coming(world);
  coming.comes(world);
  CHECK(coming.lease->reserved() == 0);
}

}  // namespace

TEST_CASE("a call that is under way takes on the limits that come into force and apply to it") {
  World world;
  world.limit(1'000'000'000);
  world.open();
  world.run(under_way(world));
}

TEST_CASE("a call whose account is moved takes on limits of the place where it was asked") {
  World world;
  world.limit(1'000'000'000);
  world.open();
  world.run(moved(world));
}

TEST_CASE("a call that began in another window of the limit does not count in the one that opens") {
  World world;
  world.limit(1'000'000'000);
  world.open();
  world.run(of_yesterday(world));
}

TEST_CASE("a call that waits for its reservation counts on a limit that comes into force meanwhile") {
  World world;
  world.limit(1'000'000'000);
  world.keeper_sleeps = true;
  world.open();
  world.run(waiting(world));
}

TEST_CASE("a call that is refused gives back what it held of a limit that came into force") {
  World world;
  world.limit(0);
  world.keeper_sleeps = true;
  world.open();
  world.run(waiting_in_vain(world));
}

TEST_CASE("a key that asks for its budget is told of the limits it had then, whatever comes into force meanwhile") {
  World world;
  world.limit(1'000'000'000);
  world.keeper_sleeps = true;
  world.open();
  world.run(asking_for_its_budget(world));
}

TEST_CASE("a call whose body is still read asks for the limit that came into force") {
  World world;
  world.limit(1'000'000'000);
  world.open();
  world.run(reading_its_body(world));
}

TEST_CASE("the list of models counts on no limit, whenever it comes") {
  World world;
  world.limit(1'000'000'000);
  world.open();
  world.run(listing_models(world));
}

namespace {

Task<void> stays_with_its_model(World& world) {
  world.answers(R"({"error":{"message":"no capacity"}})", "429 Too Many Requests");
  std::optional<Coming> coming;
  world.upstream.on_request = [&] { coming.emplace(world, catalog::LimitFilter{.model = "small"}).comes(world); };
  const Reply reply = co_await ask(world, world.call(question));
  CHECK(reply.status() == 429);
  CHECK(world.upstream.requests.size() == 1);
  CHECK(coming->lease->reserved() == 0);
}

}  // namespace

TEST_CASE("a call does not go on to a model that a limit counts which came into force meanwhile") {
  World world;
  world.limit(1'000'000'000);
  world.settings.prices = test_prices({"m", "small"});
  world.settings.routes.front().targets = {{.upstream = "up"},
                                           {.upstream = "up", .order = 2, .models = {{"*", "small"}}}};
  world.open();
  world.run(stays_with_its_model(world));
}
