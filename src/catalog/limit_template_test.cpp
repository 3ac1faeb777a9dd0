#include "catalog/limit_template.h"

#include <doctest/doctest.h>

#include "catalog/catalog.h"
#include "store/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

using catalog::Catalog;
using catalog::Limit;
using catalog::LimitUnit;

namespace {

// Fails on request, and counts what it is asked for.
class CountingStore final : public catalog::Store {
 public:
  int opens_until_failure = INT32_MAX;
  bool failing = false;
  int applied = 0;
  std::vector<std::size_t> opened_at_once;

  base::Result<catalog::Contents> load() override { return store_.load(); }
  base::Result<std::vector<catalog::Grant>> load_grants(std::optional<base::AccountId> account) override {
    return store_.load_grants(account);
  }
  base::Status apply(const catalog::Changes& changes, base::WallTime now) override {
    if (!changes.opened.empty() && opens_until_failure-- <= 0) failing = true;
    if (failing) return base::fail(base::ErrorType::unavailable, "disk full");
    ++applied;
    if (!changes.opened.empty()) opened_at_once.push_back(changes.opened.size());
    return store_.apply(changes, now);
  }
  base::Status look_ahead(const catalog::Changes& changes, base::WallTime now) override {
    return store_.look_ahead(changes, now);
  }

 private:
  store::MemoryStore store_;
};

// Notes what is prepared, and whether the catalog that is prepared for has the limits of `account`.
class NotingPreparer final : public catalog::LimitPreparer {
 public:
  std::vector<base::LimitId> prepared, abandoned;
  std::shared_ptr<const catalog::Snapshot> next;

  base::Status prepare(std::span<const Limit> limits, const std::shared_ptr<const catalog::Snapshot>& with) override {
    for (const Limit& limit : limits) prepared.push_back(limit.id);
    next = with;
    return {};
  }
  void abandon(std::span<const Limit> limits, const std::shared_ptr<const catalog::Snapshot>&) override {
    for (const Limit& limit : limits) abandoned.push_back(limit.id);
  }
};

struct World {
  CountingStore store;
  tests::FakeClock clock;
  tests::SeededRandom random{5};
  NotingPreparer preparer;
  std::unique_ptr<Catalog> catalog = open();

  std::unique_ptr<Catalog> open() {
    auto opened = *Catalog::open(store, clock, random);
    opened->prepare_with(preparer);
    return opened;
  }
  catalog::Account account(std::string name, std::optional<base::AccountId> parent = {}) {
    clock.advance_ms(1);
    return *catalog->create_account({.name = std::move(name), .parent = parent});
  }
  catalog::LimitTemplate template_of(std::int64_t amount, const catalog::TemplateScope& scope = {},
                                     LimitUnit unit = LimitUnit::usd) {
    clock.advance_ms(1);
    return *catalog->create_template({.subject = {}, .unit = unit, .amount = amount}, scope);
  }
  Limit own(base::AccountId account, std::int64_t amount, LimitUnit unit = LimitUnit::usd) {
    clock.advance_ms(1);
    return *catalog->create_limit({.subject = account, .unit = unit, .amount = amount});
  }
  // The limits on the account itself, in force and in the store alike.
  std::vector<Limit> limits_of(base::AccountId account) {
    const auto on = [&](const catalog::Table<Limit>& all) {
      std::vector<Limit> list;
      std::ranges::copy_if(all, std::back_inserter(list),
                           [&](const Limit& limit) { return limit.subject == catalog::LimitSubject(account); });
      std::ranges::sort(list, {}, &Limit::id);
      return list;
    };
    auto list = on(catalog->current()->limits());
    CHECK(list == on(store.load()->limits));
    return list;
  }
  std::vector<std::int64_t> amounts_of(base::AccountId account) {
    std::vector<std::int64_t> amounts;
    for (const Limit& limit : limits_of(account)) amounts.push_back(limit.amount);
    return amounts;
  }
};

using Amounts = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("a template is for the accounts of its level, those that there are and those that come") {
  World world;
  const auto acme = world.account("acme");
  const auto team = world.account("team", acme.id);
  const auto user = world.account("user", team.id);
  world.template_of(1);
  world.template_of(2, {.below = {}, .level = 2});
  world.template_of(3, {.below = acme.id, .level = 2});
  CHECK(world.amounts_of(acme.id) == Amounts{1});
  CHECK(world.amounts_of(team.id) == Amounts{2});
  CHECK(world.amounts_of(user.id) == Amounts{3});

  const auto other = world.account("other");
  const auto others_team = world.account("team", other.id);
  CHECK(world.amounts_of(other.id) == Amounts{1});
  CHECK(world.amounts_of(others_team.id) == Amounts{2});
  CHECK(world.amounts_of(world.account("user", others_team.id).id).empty());
  CHECK(world.amounts_of(world.account("another", team.id).id) == Amounts{3});
}

TEST_CASE("an account is stored together with its copies, in one change, and they need no opening") {
  World world;
  world.template_of(1);
  world.template_of(9, {}, LimitUnit::requests);
  const int before = world.store.applied;
  const auto account = world.account("acme");
  CHECK(world.store.applied == before + 1);
  CHECK(world.store.opened_at_once.empty());
  CHECK(world.amounts_of(account.id).size() == 2);

  world.store.failing = true;
  CHECK_FALSE(world.catalog->create_account({.name = "late"}).has_value());
  CHECK(world.catalog->current()->accounts().size() == 1);
  CHECK(world.catalog->current()->limits().size() == 2);
}

TEST_CASE("a copy has an id that follows from the template and the account") {
  World world;
  const auto one = world.template_of(1);
  const auto account = world.account("acme");
  const auto other = world.account("other");
  const base::LimitId id = world.limits_of(account.id).front().id;
  CHECK(id == catalog::copy_of(one, account, {}).id);
  CHECK(id != world.limits_of(other.id).front().id);
  CHECK(id.uuid > account.id.uuid);  // lists are in the order of ids: it is younger than both
  CHECK(world.limits_of(other.id).front().id.uuid > id.uuid);
  const auto later = world.template_of(2);
  CHECK(catalog::copy_of(later, account, {}).id.uuid > other.id.uuid);
  world.own(account.id, 5);
  CHECK(world.amounts_of(account.id) == Amounts{5});
  REQUIRE(world.catalog->remove_limit(world.limits_of(account.id).front().id).has_value());
  CHECK(world.limits_of(account.id).front().id == id);
}

TEST_CASE("a limit of the account's own takes the copy's place, and gives it back, in one change each") {
  World world;
  world.template_of(1);
  const auto account = world.account("acme");
  const Limit copy = world.limits_of(account.id).front();
  int before = world.store.applied;
  const Limit own = world.own(account.id, 50);
  CHECK(world.store.applied == before + 1);
  CHECK(world.amounts_of(account.id) == Amounts{50});
  CHECK(world.preparer.prepared == std::vector{own.id});
  CHECK(world.preparer.next->find_limit(copy.id) == nullptr);

  before = world.store.applied;
  REQUIRE(world.catalog->remove_limit(own.id).has_value());
  CHECK(world.store.applied == before + 1);
  CHECK(world.amounts_of(account.id) == Amounts{1});
  // It opens again, and calls under way take it on: nothing that was spent meanwhile is forgiven.
  CHECK(world.preparer.prepared == std::vector{own.id, copy.id});
  CHECK(world.preparer.next->find_limit(own.id) == nullptr);
}

TEST_CASE("only an enforced limit of the same unit and filter takes a copy's place, of whichever window") {
  World world;
  world.template_of(1);
  const auto account = world.account("acme");
  const auto put = [&](catalog::NewLimit wanted) {
    wanted.subject = account.id;
    const auto made = world.catalog->create_limit(wanted);
    REQUIRE(made.has_value());
    const bool replaced = std::ranges::none_of(world.limits_of(account.id),
                                               [](const Limit& limit) { return limit.from_template.has_value(); });
    REQUIRE(world.catalog->remove_limit(made->id).has_value());
    return replaced;
  };
  CHECK(put({.subject = {}, .amount = 7}));
  CHECK(put({.subject = {}, .window = {.kind = base::WindowPolicy::Kind::month}, .amount = 7}));
  CHECK(put({.subject = {}, .amount = 7, .admission = catalog::LimitAdmission::lazy}));
  CHECK_FALSE(put({.subject = {}, .unit = LimitUnit::tokens, .amount = 7}));
  CHECK_FALSE(put({.subject = {}, .amount = 7, .filter = {.model = "gpt-4o*"}}));
  CHECK_FALSE(put({.subject = {}, .amount = 7, .mode = catalog::LimitMode::shadow}));

  const Limit own = world.own(account.id, 50);
  REQUIRE(world.catalog->edit_limit(own.id, {.mode = catalog::LimitMode::shadow}).has_value());
  CHECK(world.limits_of(account.id).size() == 2);
  REQUIRE(world.catalog->edit_limit(own.id, {.mode = catalog::LimitMode::enforce}).has_value());
  CHECK(world.amounts_of(account.id) == Amounts{50});
}

TEST_CASE("a limit on a key or on an account above takes no copy's place") {
  World world;
  const auto acme = world.account("acme");
  world.template_of(1, {.below = acme.id});
  const auto user = world.account("user", acme.id);
  const auto key = world.catalog->create_key({.account = user.id, .name = "key"});
  REQUIRE(world.catalog->create_limit({.subject = key->key.id, .amount = 9}).has_value());
  world.own(acme.id, 100);
  CHECK(world.amounts_of(user.id) == Amounts{1});
  const auto snapshot = world.catalog->current();
  CHECK(snapshot->find_key(key->key.id)->limits.size() == 3);
}

TEST_CASE(
    "who is moved gets the copies of the new place and loses those of the old one, with all below, in one change") {
  World world;
  const auto left = world.account("left"), right = world.account("right");
  const auto team = world.account("team", left.id), user = world.account("user", team.id);
  world.template_of(1, {.below = left.id, .level = 1});
  world.template_of(2, {.below = left.id, .level = 2});
  world.template_of(3, {.below = right.id, .level = 1});
  world.template_of(4, {.below = right.id, .level = 2});
  CHECK(world.amounts_of(user.id) == Amounts{2});
  const int before = world.store.applied;
  world.preparer.prepared.clear();
  REQUIRE(world.catalog->edit_account(team.id, {.parent = right.id}).has_value());
  CHECK(world.store.applied == before + 1);
  CHECK(world.preparer.prepared.size() == 2);
  CHECK(world.amounts_of(team.id) == Amounts{3});
  CHECK(world.amounts_of(user.id) == Amounts{4});
  CHECK(world.amounts_of(left.id).empty());

  world.store.failing = true;
  CHECK_FALSE(world.catalog->edit_account(team.id, {.parent = left.id}).has_value());
  world.store.failing = false;
  CHECK(world.preparer.abandoned.size() == 2);
  CHECK(world.catalog->current()->find_account(team.id)->parent == right.id);
  CHECK(world.amounts_of(user.id) == Amounts{4});
}

TEST_CASE("editing a template edits its copies, but not a raise of one of them; removing it removes them") {
  World world;
  const auto one = world.template_of(1);
  const auto account = world.account("acme");
  const auto other = world.account("other");
  const base::WallTime until{world.clock.wall_now().ms + 1'000};
  REQUIRE(world.catalog->raise_limit(world.limits_of(account.id).front().id, catalog::Raise{70, until}).has_value());
  const int before = world.store.applied;
  REQUIRE(world.catalog->edit_template(one.terms.id, {.amount = 20, .refusal_status = 429}).has_value());
  CHECK(world.store.applied == before + 1);
  for (const auto id : {account.id, other.id}) {
    const Limit copy = world.limits_of(id).front();
    CHECK(copy.amount == 20);
    CHECK(copy.refusal_status == 429);
    CHECK(copy.name == "0.00000002 usd per day");
    CHECK(copy.raise.has_value() == (id == account.id));
  }
  CHECK(world.catalog->current()->find_template(one.terms.id)->terms.amount == 20);
  CHECK(world.store.load()->templates == world.catalog->current()->templates());

  REQUIRE(world.catalog->remove_template(one.terms.id).has_value());
  CHECK(world.limits_of(account.id).empty());
  CHECK(world.limits_of(other.id).empty());
  CHECK(world.store.load()->templates.empty());
  CHECK(world.catalog->remove_template(one.terms.id).error().type == base::ErrorType::not_found);
}

TEST_CASE("a copy is neither edited nor removed by itself: the error names the template") {
  World world;
  const auto one = world.template_of(1);
  const auto account = world.account("acme");
  const Limit copy = world.limits_of(account.id).front();
  const auto refused = [&](const base::Error& error) {
    return error.type == base::ErrorType::conflict && error.message.contains(one.terms.id.to_string());
  };
  CHECK(refused(world.catalog->remove_limit(copy.id).error()));
  CHECK(refused(world.catalog->edit_limit(copy.id, {.amount = 2}).error()));
  CHECK(world.limits_of(account.id) == std::vector{copy});
}

TEST_CASE("a template for many accounts comes into force in parts, and all of it or nothing stays") {
  World world;
  std::vector<catalog::Account> accounts;
  for (int i = 0; i < 300; ++i) accounts.push_back(world.account("a" + std::to_string(i)));
  world.own(accounts[7].id, 50);
  world.store.opened_at_once.clear();
  world.store.opens_until_failure = 2;
  const auto failed = world.catalog->create_template({.subject = {}, .amount = 1}, {});
  REQUIRE_FALSE(failed.has_value());
  // The disk is full for the way back too, and the error says so; the next start completes what is there.
  CHECK(failed.error().message.contains("the next start"));
  world.store.failing = false;
  world.store.opens_until_failure = INT32_MAX;
  CHECK(world.limits_of(accounts[0].id).size() == 1);
  CHECK(world.limits_of(accounts[299].id).empty());
  world.catalog = world.open();
  for (const auto& account : accounts) CHECK(world.limits_of(account.id).size() == 1);
  CHECK(world.amounts_of(accounts[7].id) == Amounts{50});
  CHECK(world.store.opened_at_once == std::vector<std::size_t>{128, 128, 43});
}

TEST_CASE("a template whose copies cannot come into force is taken back, and what was prepared is abandoned") {
  World world;
  const auto account = world.account("acme");
  class Refusing final : public catalog::LimitPreparer {
   public:
    base::Status prepare(std::span<const Limit>, const std::shared_ptr<const catalog::Snapshot>&) override {
      return base::fail(base::ErrorType::unavailable, "no room in the journal");
    }
    void abandon(std::span<const Limit> limits, const std::shared_ptr<const catalog::Snapshot>& current) override {
      abandoned += limits.size();
      CHECK(current->limits().empty());
    }
    std::size_t abandoned = 0;
  } refusing;
  world.catalog = *Catalog::open(world.store, world.clock, world.random);
  world.catalog->prepare_with(refusing);
  CHECK(world.catalog->create_template({.subject = {}, .amount = 1}, {}).error().message == "no room in the journal");
  CHECK(refusing.abandoned == 1);
  CHECK(world.limits_of(account.id).empty());
  CHECK(world.store.load()->templates.empty());
}

TEST_CASE("a template says what it cannot be") {
  World world;
  CHECK(world.catalog->create_template({.subject = {}, .amount = 1}, {.level = 0}).error().field == "level");
  CHECK(world.catalog->create_template({.subject = {}, .amount = 1}, {.level = 17}).error().field == "level");
  CHECK(world.catalog->create_template({.subject = {}, .amount = -1}, {}).error().field == "amount");
  const auto nobody = base::AccountId::create(world.clock.wall_now(), world.random);
  CHECK(world.catalog->create_template({.subject = {}, .amount = 1}, {.below = nobody}).error().field == "account");
}
