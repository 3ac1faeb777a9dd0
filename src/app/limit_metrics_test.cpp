#include "app/limit_metrics.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/support/seeded_random.h"

namespace {

struct World {
  tests::SeededRandom random{1};
  catalog::Account account{
      .id = base::AccountId::create({1}, random), .parent = {}, .name = "account", .external_id = {}, .created = {}};
  catalog::Key key{.id = base::KeyId::create({1}, random),
                   .account = account.id,
                   .name = "key",
                   .hash = {},
                   .hint = {},
                   .created = {},
                   .expires = {},
                   .tags = {}};
  quota::InUse in_use;

  catalog::Limit limit(catalog::LimitSubject subject, std::string name) {
    return {.id = base::LimitId::create({1}, random), .subject = subject, .name = std::move(name), .created = {}};
  }
  std::string text() const {
    const auto built = catalog::Snapshot::build({.accounts = {account}, .keys = {key}});
    REQUIRE(built.has_value());
    return app::limit_metrics(in_use, **built);
  }
};

}  // namespace

TEST_CASE("a limit's numbers are in its own unit, exact, under whose it is") {
  World world;
  const auto of_account = world.limit(world.account.id, "ten \"a\\day\"\n");
  auto of_key = world.limit(world.key.id, "calls");
  of_key.unit = catalog::Unit::named("renders");
  of_key.window = {.kind = base::WindowPolicy::Kind::rolling, .span_ms = 3'600'000};
  of_key.mode = catalog::LimitMode::shadow;
  world.in_use.limits = {
      {of_account,
       {.amount = 10'000'000'000,
        .available = 1,
        .reserved = 2'000'000'000,
        .unresolved = 0,
        .spent = 7'999'999'999,
        .window = {}}},
      {of_key, {.amount = 12, .available = 5, .reserved = 3, .unresolved = 1, .spent = 3, .window = {}}}};
  world.in_use.left_out = 4;
  const std::string text = world.text();
  const std::string first = fmt::format(
      R"({{account="{}",key="",limit="{}",name="ten \"a\\day\"\n",unit="usd",window="day",mode="enforce"}})",
      world.account.id.to_string(), of_account.id.to_string());
  const std::string second = fmt::format(
      R"({{account="{}",key="{}",limit="{}",name="calls",unit="renders",window="rolling:1h",mode="shadow"}})",
      world.account.id.to_string(), world.key.id.to_string(), of_key.id.to_string());
  for (const std::string& line :
       {"metergate_limit_amount" + first + " 10\n", "metergate_limit_spent" + first + " 7.999999999\n",
        "metergate_limit_reserved" + first + " 2\n", "metergate_limit_unresolved" + first + " 0\n",
        "metergate_limit_remaining" + first + " 0.000000001\n", "metergate_limit_amount" + second + " 12\n",
        "metergate_limit_unresolved" + second + " 1\n", "metergate_limit_remaining" + second + " 5\n",
        std::string("metergate_limits_left_out 4\n"), std::string("# TYPE metergate_limit_spent gauge\n")}) {
    CAPTURE(line);
    CHECK(text.contains(line));
  }
}

TEST_CASE("of a limit that a threshold blocks nothing remains, whatever is left of its amount") {
  World world;
  auto limit = world.limit(world.account.id, "blocked");
  limit.thresholds.push_back({.percent = 50, .action = catalog::ThresholdAction::block});
  world.in_use.limits = {
      {limit, {.amount = 100, .available = 51, .reserved = 0, .unresolved = 0, .spent = 49, .window = {}}}};
  CHECK(world.text().contains(" 0.000000051\n"));
  world.in_use.limits = {
      {limit, {.amount = 100, .available = 50, .reserved = 0, .unresolved = 0, .spent = 50, .window = {}}}};
  const std::string text = world.text();
  CHECK(text.contains("metergate_limit_remaining{"));
  CHECK(text.substr(text.find("metergate_limit_remaining{")).contains("mode=\"enforce\"} 0\n"));
}
