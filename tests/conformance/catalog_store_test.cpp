#include "tests/conformance/stores.h"

using tests::Bench;

TEST_CASE_TEMPLATE("a catalog comes back as it was put, oldest first", Store, EVERY_STORE) {
  Bench<Store> bench;
  catalog::Account child = bench.account;
  child.id = bench.template id<base::AccountId>();
  child.parent = bench.account.id;
  child.name = "Ünïcode ▸ team";
  child.external_id = "customer-7";
  child.status = catalog::AccountStatus::suspended;
  REQUIRE(bench.on.store->put(child).has_value());
  catalog::Key admin = bench.key;
  admin.id = bench.template id<base::KeyId>();
  admin.account = {};
  admin.hash = base::sha256("another");
  admin.role = catalog::KeyRole::admin;
  admin.status = catalog::KeyStatus::revoked;
  admin.expires = bench.now;
  admin.tags = "env=prod,team=search";
  admin.set_extras(
      {.scope = {.models = {"gpt-4o*", "o?"}, .routes = {"openai"}, .addresses = {"::1", "10.0.0.0/8"}},
       .replaced = catalog::ReplacedSecret{.hash = base::sha256("old"), .hint = "old", .until = bench.now}});
  REQUIRE(bench.on.store->put(admin).has_value());
  catalog::Limit on_account{.id = bench.template id<base::LimitId>(),
                            .subject = child.id,
                            .name = "5 usd per day",
                            .unit = catalog::LimitUnit::usd,
                            .window = *base::parse_window("rolling:36h"),
                            .amount = INT64_MAX,
                            .refusal_status = 429,
                            .clamp = catalog::Clamp::off,
                            .filter = {.model = "gpt-4o*", .route = "openai", .tag = "team=search"},
                            .mode = catalog::LimitMode::shadow,
                            .admission = catalog::LimitAdmission::lazy,
                            .created = bench.now};
  REQUIRE(bench.on.store->put(on_account).has_value());
  catalog::Limit on_key = on_account;
  on_key.id = bench.template id<base::LimitId>();
  on_key.subject = bench.key.id;
  on_key.unit = catalog::Unit::named("images");
  on_key.window = *base::parse_window("cycle:31", *base::TimeZone::find("Europe/Berlin"));
  on_key.amount = 0;
  on_key.clamp = catalog::Clamp::on;
  on_key.filter = {};
  on_key.mode = catalog::LimitMode::enforce;
  on_key.admission = catalog::LimitAdmission::reserve;
  REQUIRE(bench.on.store->put(on_key).has_value());

  const auto contents = bench.on.store->load();
  REQUIRE(contents.has_value());
  CHECK(contents->accounts == std::vector{bench.account, child});
  CHECK(contents->keys == std::vector{bench.key, admin});
  CHECK(contents->limits == std::vector{on_account, on_key});
}

TEST_CASE_TEMPLATE("what has the same id is replaced", Store, EVERY_STORE) {
  Bench<Store> bench;
  bench.account.name = "renamed";
  bench.account.external_id = "own name";
  bench.key.status = catalog::KeyStatus::revoked;
  REQUIRE(bench.on.store->put(bench.account).has_value());
  REQUIRE(bench.on.store->put(bench.account).has_value());
  REQUIRE(bench.on.store->put(bench.key).has_value());
  const auto contents = bench.on.store->load();
  CHECK(contents->accounts == std::vector{bench.account});
  CHECK(contents->keys == std::vector{bench.key});
  bench.key.hash = base::sha256("another secret");
  bench.key.set_extras({.scope = {.routes = {"openai"}}});
  REQUIRE(bench.on.store->put(bench.key).has_value());
  CHECK(bench.on.store->load()->keys == std::vector{bench.key});
  bench.key.set_extras({});
  REQUIRE(bench.on.store->put(bench.key).has_value());
  CHECK(bench.on.store->load()->keys == std::vector{bench.key});
}

TEST_CASE_TEMPLATE("what points nowhere or is taken is refused, and nothing changes", Store, EVERY_STORE) {
  Bench<Store> bench;
  bench.account.external_id = "taken";
  REQUIRE(bench.on.store->put(bench.account).has_value());
  const auto nobody = bench.template id<base::AccountId>();
  const auto refused = [](const base::Status& status) {
    return !status && status.error().type == base::ErrorType::conflict && status.error().source == base::Source::store;
  };

  catalog::Account orphan = bench.account;
  orphan.id = bench.template id<base::AccountId>();
  orphan.external_id = {};
  orphan.parent = nobody;
  CHECK(refused(bench.on.store->put(orphan)));
  catalog::Account twin = bench.account;
  twin.id = bench.template id<base::AccountId>();
  CHECK(refused(bench.on.store->put(twin)));
  catalog::Key stray = bench.key;
  stray.account = nobody;
  CHECK(refused(bench.on.store->put(stray)));
  catalog::Key copy = bench.key;
  copy.id = bench.template id<base::KeyId>();
  CHECK(refused(bench.on.store->put(copy)));
  catalog::Limit limit{.id = bench.template id<base::LimitId>(), .subject = nobody, .name = "limit", .created = {}};
  CHECK(refused(bench.on.store->put(limit)));
  limit.subject = bench.template id<base::KeyId>();
  CHECK(refused(bench.on.store->put(limit)));

  const auto contents = bench.on.store->load();
  CHECK(contents->accounts == std::vector{bench.account});
  CHECK(contents->keys == std::vector{bench.key});
  CHECK(contents->limits.empty());
}

TEST_CASE_TEMPLATE("limiters come back as they were put, removed ones too, and no two have a code", Store,
                   EVERY_STORE) {
  Bench<Store> bench;
  const auto limit = bench.limit(10).limit;
  const catalog::Limiter limiter{.id = bench.account.id,
                                 .code = "abc123def456",
                                 .key = bench.key.id,
                                 .limit = limit,
                                 .base_url = "https://api.openai.com/v1",
                                 .provider = "azure_openai",
                                 .models = {"gpt-4o*", "o1"},
                                 .deployments = {{"eu-1", "gpt-4o"}, {"us", "model=odd"}},
                                 .created = bench.now};
  REQUIRE(bench.on.store->apply({.limiters = {limiter}}, bench.now).has_value());
  CHECK(bench.on.store->load()->limiters == std::vector{limiter});
  catalog::Limiter removed = limiter;
  removed.models.clear();
  removed.deployments.clear();
  removed.removed = bench.now;
  REQUIRE(bench.on.store->apply({.limiters = {removed}}, bench.now).has_value());
  CHECK(bench.on.store->load()->limiters == std::vector{removed});

  catalog::Account other = bench.account;
  other.id = bench.template id<base::AccountId>();
  REQUIRE(bench.on.store->put(other).has_value());
  catalog::Limiter twin = limiter;
  twin.id = other.id;
  const auto refused = bench.on.store->apply({.limiters = {twin}}, bench.now);
  CHECK(refused.error().type == base::ErrorType::conflict);
  catalog::Limiter stray = limiter;
  stray.id = bench.template id<base::AccountId>();
  stray.code = "def456abc123";
  CHECK(bench.on.store->apply({.limiters = {stray}}, bench.now).error().type == base::ErrorType::conflict);
  CHECK(bench.on.store->load()->limiters == std::vector{removed});
}

TEST_CASE_TEMPLATE("a removed limit is not loaded, and cannot be removed again", Store, EVERY_STORE) {
  Bench<Store> bench;
  const auto kept = bench.limit(10).limit;
  const auto removed = bench.limit(20).limit;
  REQUIRE(bench.on.store->remove(removed, bench.now).has_value());
  const auto contents = bench.on.store->load();
  REQUIRE(contents->limits.size() == 1);
  CHECK(contents->limits.front().id == kept);
  CHECK(bench.on.store->remove(removed, bench.now).error().type == base::ErrorType::not_found);
  CHECK(bench.on.store->remove(bench.template id<base::LimitId>(), bench.now).error().type ==
        base::ErrorType::not_found);
}

TEST_CASE_TEMPLATE("templates and their copies come back as they were put, and go", Store, EVERY_STORE) {
  Bench<Store> bench;
  const catalog::LimitTemplate one{
      .terms = {.id = bench.template id<base::LimitId>(),
                .subject = base::AccountId{},
                .name = "free",
                .unit = catalog::Unit::named("credits"),
                .window = *base::parse_window("month", *base::TimeZone::find("Europe/Berlin")),
                .amount = 7,
                .refusal_status = 429,
                .clamp = catalog::Clamp::off,
                .filter = {.model = "gpt-4o*", .route = "openai", .tag = "team=search"},
                .mode = catalog::LimitMode::shadow,
                .admission = catalog::LimitAdmission::lazy,
                .thresholds = {{.percent = 80, .action = catalog::ThresholdAction::warn}},
                .created = bench.now},
      .scope = {.below = bench.account.id, .level = 3}};
  catalog::LimitTemplate top = one;
  top.terms.id = bench.template id<base::LimitId>();
  top.scope = {};
  const catalog::Limit copy = catalog::copy_of(top, bench.account, bench.now);
  REQUIRE(bench.on.store->apply({.templates = {one, top}, .opened = {copy}}, bench.now).has_value());
  auto contents = bench.on.store->load();
  REQUIRE_MESSAGE(contents.has_value(), (contents ? std::string() : contents.error().message));
  CHECK(contents->templates == std::vector{one, top});
  CHECK(contents->limits == std::vector{copy});

  top.terms.amount = 8;
  REQUIRE(bench.on.store->apply({.templates = {top}, .removed_templates = {one.terms.id}}, bench.now).has_value());
  CHECK(bench.on.store->load()->templates == std::vector{top});
  CHECK(bench.on.store->apply({.removed_templates = {one.terms.id}}, bench.now).error().type ==
        base::ErrorType::not_found);
  top.terms.id = bench.template id<base::LimitId>();
  top.scope.below = bench.template id<base::AccountId>();
  CHECK(bench.on.store->put(top).error().type == base::ErrorType::conflict);
}

TEST_CASE_TEMPLATE("of changes that belong together none is made where one cannot be", Store, EVERY_STORE) {
  Bench<Store> bench;
  const auto before = *bench.on.store->load();
  const auto limit = [&](catalog::LimitSubject subject) {
    return catalog::Limit{.id = bench.template id<base::LimitId>(), .subject = subject, .name = "limit", .created = {}};
  };
  catalog::Account child = bench.account;
  child.id = bench.template id<base::AccountId>();
  child.parent = bench.account.id;
  catalog::Key key = bench.key;
  key.id = bench.template id<base::KeyId>();
  key.hash = base::sha256("another");
  const catalog::LimitTemplate one{.terms = limit(base::AccountId{}), .scope = {}};
  const catalog::Changes good{.accounts = {child},
                              .keys = {key},
                              .templates = {one},
                              .limits = {limit(child.id)},
                              .opened = {limit(bench.account.id), limit(key.id)}};
  catalog::Changes bad = good;
  bad.opened.push_back(limit(bench.template id<base::AccountId>()));  // on an account that is not there
  CHECK(bench.on.store->apply(bad, bench.now).error().type == base::ErrorType::conflict);
  bad = good;
  bad.removed = {bench.template id<base::LimitId>()};
  CHECK(bench.on.store->apply(bad, bench.now).error().type == base::ErrorType::not_found);
  const auto after = *bench.on.store->load();
  CHECK(after.accounts == before.accounts);
  CHECK(after.keys == before.keys);
  CHECK(after.limits.empty());
  CHECK(after.templates.empty());

  REQUIRE(bench.on.store->apply(good, bench.now).has_value());
  CHECK(bench.on.store->load()->limits.size() == 3);
  CHECK(bench.on.store->load()->templates == std::vector{one});
}
