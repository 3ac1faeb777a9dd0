#include "catalog/catalog.h"

#include <doctest/doctest.h>

#include "store/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

using catalog::AccountStatus;
using catalog::Catalog;
using catalog::KeyRole;

namespace {

// Can be told to fail, as a full disk does.
class FailingStore final : public catalog::Store {
 public:
  bool failing = false;
  int loads = 0;

  base::Result<catalog::Contents> load() override {
    ++loads;
    return store_.load();
  }
  base::Result<std::vector<catalog::Grant>> load_grants(std::optional<base::AccountId> account) override {
    return store_.load_grants(account);
  }
  base::Status apply(const catalog::Changes& changes, base::WallTime now) override {
    return failing ? fail() : store_.apply(changes, now);
  }
  base::Status look_ahead(const catalog::Changes& changes, base::WallTime now) override {
    return store_.look_ahead(changes, now);
  }

 private:
  static base::Status fail() { return base::fail(base::ErrorType::unavailable, "disk full"); }
  store::MemoryStore store_;
};

struct World {
  FailingStore store;
  tests::FakeClock clock;
  tests::SeededRandom random{5};
  std::unique_ptr<Catalog> catalog = *Catalog::open(store, clock, random);

  catalog::Account account(std::string name, std::optional<base::AccountId> parent = {}) {
    clock.advance_ms(1);
    return *catalog->create_account({.name = std::move(name), .parent = parent});
  }
  catalog::CreatedKey key(base::AccountId account) {
    clock.advance_ms(1);
    return *catalog->create_key({.account = account, .name = "key", .role = KeyRole::data});
  }
  catalog::Limit limit(catalog::LimitSubject subject, std::int64_t amount) {
    clock.advance_ms(1);
    return *catalog->create_limit({.subject = subject, .amount = amount});
  }
};

std::vector<std::int64_t> amounts(const catalog::KeyEntry& entry) {
  std::vector<std::int64_t> list;
  for (const catalog::Limit* limit : entry.limits) list.push_back(limit->amount);
  return list;
}

}  // namespace

TEST_CASE("a key lists every limit of itself, its account and the accounts above, nearest first") {
  World world;
  const auto organization = world.account("organization");
  const auto team = world.account("team", organization.id);
  const auto user = world.account("user", team.id);
  const auto stranger = world.account("stranger");
  const auto key = world.key(user.id);
  world.limit(organization.id, 30);
  world.limit(stranger.id, 40);
  world.limit(user.id, 10);
  world.limit(user.id, 11);
  world.limit(team.id, 20);
  world.limit(key.key.id, 1);

  const auto snapshot = world.catalog->current();
  const auto entry = snapshot->find_key(base::sha256(key.secret));
  REQUIRE(entry.has_value());
  CHECK(entry->key == snapshot->find_key(key.key.id)->key);
  CHECK(*entry->key == key.key);
  CHECK(entry->account->name == "user");
  CHECK(entry->usable);
  CHECK(amounts(*entry) == std::vector<std::int64_t>{1, 10, 11, 20, 30});
}

TEST_CASE("a key works only while it and every account above it is active") {
  World world;
  const auto organization = world.account("organization");
  const auto user = world.account("user", organization.id);
  const auto key = world.key(user.id).key.id;
  const auto usable = [&] { return world.catalog->current()->find_key(key)->usable; };
  CHECK(usable());
  REQUIRE(world.catalog->set_account_status(organization.id, AccountStatus::suspended).has_value());
  CHECK_FALSE(usable());
  REQUIRE(world.catalog->set_account_status(organization.id, AccountStatus::active).has_value());
  CHECK(usable());
  REQUIRE(world.catalog->set_account_status(user.id, AccountStatus::suspended).has_value());
  CHECK_FALSE(usable());
  REQUIRE(world.catalog->set_account_status(user.id, AccountStatus::active).has_value());
  REQUIRE(world.catalog->revoke_key(key).has_value());
  CHECK_FALSE(usable());
  CHECK(world.catalog->revoke_key(key)->status == catalog::KeyStatus::revoked);
}

TEST_CASE("a rotated key has two secrets for as long as it is told, and one limit") {
  World world;
  const auto account = world.account("account");
  const auto first = world.key(account.id);
  world.limit(first.key.id, 5);
  const auto found = [&](const catalog::CreatedKey& by) {
    return world.catalog->current()->find_key(base::sha256(by.secret));
  };
  const base::WallTime end{world.clock.wall_now().ms + 500'000};
  REQUIRE(world.catalog->edit_key(first.key.id, {.expires = end}).has_value());
  const auto second = world.catalog->rotate_key(first.key.id, 60'000);
  REQUIRE(second.has_value());
  CHECK(second->secret != first.secret);
  CHECK(second->key.hint == catalog::hint_of(second->secret));
  REQUIRE(found(first).has_value());
  CHECK(found(first)->ends == base::WallTime{world.clock.wall_now().ms + 60'000});
  CHECK(found(*second)->ends == end);
  for (const auto& secret : {first, *second}) {
    CHECK(found(secret)->key->id == first.key.id);
    CHECK(amounts(*found(secret)) == std::vector<std::int64_t>{5});
  }
  // The one before the last is nobody's any more, and an overlap of nothing ends the last one at once.
  const auto third = world.catalog->rotate_key(first.key.id, 900'000);
  CHECK_FALSE(found(first).has_value());
  CHECK(found(*second)->ends == end);  // the key's own end comes first
  const auto fourth = world.catalog->rotate_key(first.key.id, 0);
  CHECK_FALSE(found(*third).has_value());
  CHECK(found(*fourth)->key->extras() == catalog::KeyExtras());
  // As from the store.
  CHECK(world.store.load()->keys == world.catalog->current()->keys());
  const auto again = *Catalog::open(world.store, world.clock, world.random);
  CHECK(again->current()->find_key(base::sha256(fourth->secret)).has_value());

  REQUIRE(world.catalog->revoke_key(first.key.id).has_value());
  CHECK(world.catalog->rotate_key(first.key.id, 0).error().type == base::ErrorType::conflict);
  CHECK(world.catalog->edit_key(first.key.id, {.name = "other"}).error().type == base::ErrorType::conflict);
  CHECK(world.catalog->rotate_key({}, 0).error().type == base::ErrorType::not_found);
}

TEST_CASE("what is changed of a key is checked as when it is made, and the rest stays") {
  World world;
  const auto account = world.account("account");
  const auto key = world.key(account.id).key;
  const auto edited = [&](const catalog::KeyEdit& edit) { return world.catalog->edit_key(key.id, edit); };
  const auto changed = edited({.name = "renamed", .tags = "b=2,a=1", .models = {{"gpt-4o*"}}, .routes = {{"openai"}}});
  REQUIRE(changed.has_value());
  CHECK(changed->name == "renamed");
  CHECK(changed->tags == "a=1,b=2");
  const auto next = edited({.addresses = {{"10.0.0.0/8"}}});
  CHECK(next->extras().scope ==
        catalog::KeyScope{.models = {"gpt-4o*"}, .routes = {"openai"}, .addresses = {"10.0.0.0/8"}});
  CHECK(world.catalog->rotate_key(key.id, 1'000)->key.extras().scope == next->extras().scope);
  CHECK(edited({.models = std::vector<std::string>(),
                .routes = std::vector<std::string>(),
                .addresses = std::vector<std::string>()})
            ->extras()
            .scope.empty());
  CHECK(edited({.name = ""}).error().field == "name");
  CHECK(edited({.expires = world.clock.wall_now()}).error().field == "expires");
  CHECK(edited({.tags = "no tag"}).error().field == "tags");
  CHECK(edited({.addresses = {{"here"}}}).error().field == "allowed_addresses");
  const auto admin = *world.catalog->create_key({.account = {}, .name = "admin", .role = KeyRole::admin});
  CHECK(world.catalog->edit_key(admin.key.id, {.models = {{"m"}}}).error().field == "allowed_models");
  CHECK(world.catalog->rotate_key(admin.key.id, 0)->secret.starts_with("mg_admin_"));
}

TEST_CASE("a change is stored before it is seen, and a snapshot in hand never changes") {
  World world;
  std::vector<std::size_t> told;
  world.catalog->on_change([&](const auto& snapshot, const auto&) { told.push_back(snapshot->accounts().size()); });
  const auto before = world.catalog->current();
  const auto account = world.account("first");
  CHECK(before->accounts().empty());
  CHECK(world.catalog->current()->find_account(account.id)->name == "first");

  world.store.failing = true;
  const auto refused = world.catalog->create_account({.name = "second"});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message == "disk full");
  CHECK(world.catalog->current()->accounts().size() == 1);
  CHECK(told == std::vector<std::size_t>{1});

  world.store.failing = false;
  world.account("third");
  CHECK(told == std::vector<std::size_t>{1, 2});
  const auto reopened = Catalog::open(world.store, world.clock, world.random);
  CHECK((*reopened)->current()->accounts() == world.catalog->current()->accounts());
}

TEST_CASE("a change reads nothing again, makes nothing anew beside what it names, and tells what that is") {
  World world;
  const auto account = world.account("acme");
  const auto key = world.key(account.id);
  const auto limit = world.limit(account.id, 30);
  for (int i = 0; i < 300; ++i) world.limit(world.account("other").id, i);
  std::vector<base::LimitId> told;
  world.catalog->on_change([&](const auto&, const catalog::Changed& changed) {
    told.insert(told.end(), changed.limits.begin(), changed.limits.end());
  });
  const int loads = world.store.loads;
  const auto before = world.catalog->current();
  REQUIRE(world.catalog->edit_limit(limit.id, {.amount = 31}).has_value());
  const auto after = world.catalog->current();
  CHECK(after->sharing_with(*before).own == 1);
  CHECK(after->sharing_with(*before).chunks > 12);
  CHECK(amounts(*after->find_key(key.key.id)) == std::vector<std::int64_t>{31});
  REQUIRE(world.catalog->remove_limit(limit.id).has_value());
  CHECK(world.catalog->current()->sharing_with(*after).own <= 5);
  REQUIRE(world.catalog->reload_grants(account.id).has_value());
  CHECK(world.store.loads == loads);
  CHECK(told == std::vector{limit.id, limit.id});
}

TEST_CASE("a limit may change its amount, never its identity; a default name follows the amount") {
  World world;
  const auto account = world.account("account");
  const auto limit = world.limit(account.id, 5'000'000'000);
  CHECK(limit.name == "5 usd per day");

  const auto raised = world.catalog->edit_limit(limit.id, {.amount = 7'000'000'000});
  REQUIRE(raised.has_value());
  CHECK(raised->name == "7 usd per day");
  CHECK(raised->refusal_status == 402);
  const auto named = world.catalog->edit_limit(limit.id, {.name = "lunch", .refusal_status = 429});
  REQUIRE(named.has_value());
  CHECK(world.catalog->edit_limit(limit.id, {.amount = 1})->name == "lunch");
  CHECK(*world.catalog->current()->find_limit(limit.id) == *world.catalog->edit_limit(limit.id, {}));

  REQUIRE(world.catalog->remove_limit(limit.id).has_value());
  CHECK(world.catalog->current()->find_limit(limit.id) == nullptr);
  CHECK(world.catalog->remove_limit(limit.id).error().type == base::ErrorType::not_found);
  CHECK(world.catalog->edit_limit(limit.id, {}).error().type == base::ErrorType::not_found);
}

TEST_CASE("a key knows whether one of its limits has a filter, so that the others cost no look") {
  World world;
  const auto account = world.account("account");
  const auto with = world.key(account.id).key.id;
  const auto without = world.key(account.id).key.id;
  world.limit(account.id, 1);
  const auto limit = world.catalog->create_limit({.subject = with, .filter = {.route = "openai"}});
  REQUIRE(limit.has_value());
  const auto snapshot = world.catalog->current();
  CHECK(snapshot->find_key(with)->filtered);
  CHECK_FALSE(snapshot->find_key(without)->filtered);
  // What is not to change does not change with what does.
  const auto edited = world.catalog->edit_limit(
      limit->id, {.mode = catalog::LimitMode::shadow, .admission = catalog::LimitAdmission::lazy});
  REQUIRE(edited.has_value());
  CHECK(edited->filter.route == "openai");
  CHECK_FALSE(edited->leased());
  CHECK(world.catalog->edit_limit(limit->id, {.amount = 5})->mode == catalog::LimitMode::shadow);
}

TEST_CASE("what is wrong with a change is said by field") {
  World world;
  const auto account = world.account("account");
  const base::AccountId nobody = base::AccountId::create(world.clock.wall_now(), world.random);
  const auto admin = *world.catalog->create_key({.account = {}, .name = "admin", .role = KeyRole::admin});
  CHECK(world.catalog->current()->find_key(admin.key.id)->usable);
  CHECK(world.catalog->current()->find_key(admin.key.id)->account == nullptr);

  const auto account_field = [&](std::string name, std::string external_id, std::optional<base::AccountId> parent) {
    const auto result = world.catalog->create_account({std::move(name), std::move(external_id), parent});
    return result ? "none" : result.error().field;
  };
  CHECK(account_field("", "", {}) == "name");
  CHECK(account_field(std::string(201, 'x'), "", {}) == "name");
  CHECK(account_field("two\nlines", "", {}) == "name");
  CHECK(account_field("broken \xC3", "", {}) == "name");
  CHECK(account_field("overlong \xC0\xAF", "", {}) == "name");
  CHECK(account_field("ok", std::string(201, 'x'), {}) == "external_id");
  CHECK(account_field("ok", "", nobody) == "parent");
  CHECK(account_field("200 characters of two bytes", "customer-1", {}) == "none");
  std::string wide;
  for (int i = 0; i < 200; ++i) wide += "ä";
  CHECK(account_field(wide, "", {}) == "none");
  const auto taken = world.catalog->create_account({.name = "twin", .external_id = "customer-1"});
  CHECK(taken.error().type == base::ErrorType::conflict);
  CHECK(taken.error().field == "external_id");

  const auto key_field = [&](base::AccountId id, KeyRole role, std::optional<base::WallTime> expires) {
    const auto result = world.catalog->create_key({.account = id, .name = "key", .role = role, .expires = expires});
    return result ? "none" : result.error().field;
  };
  CHECK(key_field(nobody, KeyRole::data, {}) == "account");
  CHECK(key_field({}, KeyRole::data, {}) == "account");
  CHECK(key_field(account.id, KeyRole::admin, {}) == "account");
  CHECK(key_field(account.id, KeyRole::data, world.clock.wall_now()) == "expires");

  const auto limit_field = [&](catalog::LimitSubject subject, std::int64_t amount, int status) {
    const auto result = world.catalog->create_limit({.subject = subject, .amount = amount, .refusal_status = status});
    return result ? "none" : result.error().field;
  };
  CHECK(limit_field(nobody, 1, 402) == "subject");
  CHECK(limit_field(base::KeyId{}, 1, 402) == "subject");
  CHECK(limit_field(admin.key.id, 1, 402) == "subject");
  CHECK(limit_field(account.id, -1, 402) == "amount");
  CHECK(limit_field(account.id, 1, 500) == "refusal_status");
  CHECK(limit_field(account.id, 0, 429) == "none");
  CHECK(world.catalog->create_limit({.subject = account.id, .filter = {.model = "a b"}}).error().field == "model");
  CHECK(world.catalog->set_account_status(nobody, AccountStatus::active).error().type == base::ErrorType::not_found);
  CHECK(world.catalog->revoke_key({}).error().type == base::ErrorType::not_found);
}

TEST_CASE("an account can be called otherwise, but not as another one is") {
  World world;
  const auto first = world.account("first"), second = world.account("second");
  const auto edit = [&](base::AccountId id, const catalog::AccountEdit& wanted) {
    const auto edited = world.catalog->edit_account(id, wanted);
    return edited ? "none" : edited.error().field;
  };
  CHECK(edit(first.id, {.name = "Acme", .external_id = "cus_1"}) == "none");
  CHECK(world.catalog->current()->find_account_named("cus_1")->name == "Acme");
  CHECK(edit(first.id, {.external_id = "cus_1", .terms = {.credit_only = true}}) == "none");
  CHECK(edit(second.id, {.external_id = "cus_1"}) == "external_id");
  CHECK(edit(first.id, {.name = ""}) == "name");
  CHECK(edit(first.id, {.external_id = "a\nb"}) == "external_id");
  CHECK(edit(first.id, {.external_id = ""}) == "none");
  CHECK(world.catalog->current()->find_account_named("cus_1") == nullptr);
  CHECK(edit(second.id, {.external_id = "cus_1"}) == "none");
  const auto* const now = world.catalog->current()->find_account(first.id);
  CHECK((now->name == "Acme" && now->credit_only));
}

TEST_CASE("an account is moved with all below it, and counts on the limits of its new place from then on") {
  World world;
  const auto left = world.account("left"), right = world.account("right");
  const auto team = world.account("team", left.id), user = world.account("user", team.id);
  const auto key = world.key(user.id).key.id;
  world.limit(left.id, 1);
  world.limit(right.id, 2);
  world.limit(team.id, 3);
  const auto all = [&] { return amounts(*world.catalog->current()->find_key(key)); };
  const auto move = [&](base::AccountId id, std::optional<base::AccountId> parent) {
    world.clock.advance_ms(1);
    const auto moved = world.catalog->edit_account(id, {.parent = parent});
    return moved ? "" : moved.error().field + ": " + moved.error().message;
  };
  CHECK(all() == std::vector<std::int64_t>{3, 1});
  CHECK(move(team.id, right.id).empty());
  CHECK(all() == std::vector<std::int64_t>{3, 2});
  CHECK(move(team.id, std::nullopt).empty());
  CHECK(all() == std::vector<std::int64_t>{3});
  CHECK_FALSE(world.catalog->current()->find_account(team.id)->parent);

  CHECK(move(team.id, team.id) == "parent: 'team' cannot be moved below itself");
  CHECK(move(team.id, user.id) == "parent: 'team' cannot be moved below an account that is below it");
  CHECK(move(team.id, base::AccountId{}).starts_with("parent: there is no account"));
  REQUIRE(world.catalog->remove_account(right.id).has_value());
  CHECK(move(team.id, right.id).contains("is deleted"));
  CHECK(all() == std::vector<std::int64_t>{3});
}

TEST_CASE("a deleted account has no keys, frees its external id, and nothing new is made for it") {
  World world;
  const auto above = world.account("above");
  const auto account = *world.catalog->create_account({.name = "n", .external_id = "cus_1", .parent = above.id});
  const auto key = *world.catalog->create_key({.account = account.id, .name = "k"});
  const auto limit = *world.catalog->create_limit({.subject = key.key.id, .amount = 5});
  const auto removed = [&](base::AccountId id) {
    const auto done = world.catalog->remove_account(id);
    return done ? "" : done.error().message;
  };
  CHECK(removed(above.id) == "'above' has 1 account below it: delete it first");
  CHECK(removed(account.id).empty());
  CHECK(removed(account.id).contains("is deleted"));
  const auto now = world.catalog->current();
  CHECK_FALSE(now->find_key(key.key.id)->usable);
  CHECK(now->find_key(key.key.id)->key->status == catalog::KeyStatus::revoked);
  CHECK(now->find_account_named("cus_1") == nullptr);
  CHECK(now->find_account(account.id)->name == "n");
  const auto type = [](const auto& made) { return made ? base::ErrorType::internal : made.error().type; };
  using enum base::ErrorType;
  CHECK(type(world.catalog->create_key({.account = account.id, .name = "k"})) == conflict);
  CHECK(type(world.catalog->create_limit({.subject = account.id, .amount = 5})) == conflict);
  CHECK(type(world.catalog->create_limit({.subject = key.key.id, .amount = 5})) == conflict);
  CHECK(type(world.catalog->create_account({.name = "x", .parent = account.id})) == conflict);
  CHECK(type(world.catalog->set_account_status(account.id, catalog::AccountStatus::active)) == conflict);
  CHECK(type(world.catalog->edit_account(account.id, {.name = "x"})) == conflict);
  CHECK(now->find_limit(limit.id) != nullptr);
  CHECK(removed(above.id).empty());
}

TEST_CASE("an account begins with the terms that it is told, or not at all") {
  World world;
  const auto made = world.catalog->create_account({.name = "n", .terms = {.credit_only = true, .markup = {{500}}}});
  REQUIRE(made);
  CHECK((made->credit_only && made->markup.value == 500));
  CHECK(world.catalog->create_account({.name = "n", .terms = {.markup = {{-1}}}}).error().field == "markup_bps");
  const catalog::AccountTerms fee{.monthly_fee = base::Money::from_nanos(1)};
  CHECK(world.catalog->create_account({.name = "n", .terms = fee}).error().field == "monthly_fee");
}

TEST_CASE(
    "a monthly fee is a prepaid account's; another day or zone begins its periods anew, another amount does not") {
  World world;
  const auto account = world.account("account");
  const auto edit = [&](const catalog::AccountTerms& wanted) {
    world.clock.advance_ms(10);
    return world.catalog->edit_account(account.id, {.terms = wanted});
  };
  const auto field = [&](const catalog::AccountTerms& wanted) {
    const auto edited = edit(wanted);
    return edited ? "none" : edited.error().field;
  };
  const auto usd = [](std::int64_t value) { return base::Money::from_nanos(value * base::Money::nanos_per_usd); };
  CHECK(field({.monthly_fee = usd(9)}) == "monthly_fee");  // not prepaid
  CHECK(field({.credit_only = true, .fee_day = 3}) == "monthly_fee");
  CHECK(field({.credit_only = true, .monthly_fee = usd(-1)}) == "monthly_fee");
  CHECK(field({.credit_only = true, .monthly_fee = usd(1'000'001)}) == "monthly_fee");
  CHECK(field({.credit_only = true, .monthly_fee = usd(9), .fee_day = 0}) == "monthly_fee_day");
  CHECK(field({.credit_only = true, .monthly_fee = usd(9), .fee_day = 32}) == "monthly_fee_day");
  CHECK_FALSE(world.catalog->current()->find_account(account.id)->credit_only);

  const auto made = edit({.credit_only = true, .monthly_fee = usd(9)});
  REQUIRE(made.has_value());
  CHECK(made->monthly_fee ==
        catalog::MonthlyFee{.amount = usd(9), .day = 1, .zone = {}, .since = world.clock.wall_now()});
  const auto dearer = edit({.monthly_fee = usd(10)});
  CHECK(dearer->monthly_fee->since == made->monthly_fee->since);
  CHECK(edit({.fee_day = 1})->monthly_fee->since == made->monthly_fee->since);
  const auto later = edit({.fee_day = 15});
  CHECK(later->monthly_fee->since == world.clock.wall_now());
  CHECK(later->monthly_fee->amount == usd(10));
  const auto elsewhere = edit({.fee_zone = *base::TimeZone::find("Europe/Berlin")});
  CHECK(elsewhere->monthly_fee->since == world.clock.wall_now());
  CHECK(field({.credit_only = false}) == "monthly_fee");
  CHECK(edit({.markup = base::BasisPoints{5}})->monthly_fee->day == 15);
  CHECK(world.store.load()->accounts == world.catalog->current()->accounts());
  CHECK(field({.monthly_fee = usd(0), .fee_day = 2}) == "monthly_fee");
  CHECK_FALSE(edit({.credit_only = false, .monthly_fee = usd(0)})->monthly_fee.has_value());
}

TEST_CASE("a key is priced by the book of the nearest account that names one") {
  World world;
  const auto organization = world.account("organization");
  const auto team = world.account("team", organization.id);
  const auto user = world.account("user", team.id);
  const auto key = world.key(user.id).key.id;
  const auto book = [&] { return std::string(world.catalog->current()->find_key(key)->book.text()); };
  const auto choose = [&](const catalog::Account& account, std::string_view name) {
    const auto edited = world.catalog->edit_account(account.id, {.terms = {.book = catalog::BookName::of(name)}});
    REQUIRE(edited.has_value());
    CHECK(edited->book.text() == name);
  };
  CHECK(book().empty());
  choose(organization, "contract");
  CHECK(book() == "contract");
  choose(user, "default");
  CHECK(book() == "default");
  choose(team, "trial");
  CHECK(book() == "default");
  choose(user, "");
  CHECK(book() == "trial");
  CHECK(world.catalog->current()->find_key(key)->book == catalog::BookName::of(std::string("trial")));
  CHECK(world.catalog->create_account({.name = "n", .terms = {.book = catalog::BookName::of("own")}})->book.text() ==
        "own");
}
