#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <random>

#include "catalog/contents_test.h"
#include "tests/support/seeded_random.h"

using catalog::Contents;
using catalog::Snapshot;
using catalog::testing::id_of;
using catalog::testing::sound;

namespace {

// So many accounts, each with a key and a limit; 7 of them are below the first.
Contents many(std::uint32_t count) {
  tests::SeededRandom random{1};
  Contents contents;
  for (std::uint32_t i = 0; i < count; ++i) {
    catalog::Account account;
    account.id = base::AccountId::create({i}, random);
    if (i > 0 && i < 8) account.parent = contents.accounts[0].id;
    account.external_id = fmt::format("customer {}", i);
    contents.accounts.push_back(account);
    catalog::Key key;
    key.id = base::KeyId::create({i}, random);
    key.account = account.id;
    key.hash = base::sha256(key.id.to_string());
    contents.keys.push_back(key);
    catalog::Limit limit;
    limit.id = base::LimitId::create({i}, random);
    limit.subject = account.id;
    limit.amount = i;
    contents.limits.push_back(limit);
  }
  return contents;
}

std::vector<std::int64_t> amounts(const Snapshot& snapshot, base::KeyId key) {
  std::vector<std::int64_t> list;
  const auto entry = snapshot.find_key(key);
  for (const catalog::Limit* limit : entry->limits) list.push_back(limit->amount);
  return list;
}

catalog::Grant grant_of(base::AccountId account, std::uint8_t number, int priority) {
  catalog::Grant grant;
  grant.id = id_of<base::GrantId>(number);
  grant.account = account;
  grant.priority = priority;
  return grant;
}

// One after another, at random.
class AnyChange {
 public:
  catalog::Changes of(const Contents& now) {
    ++step_;
    catalog::Limit limit;
    limit.id = base::LimitId::create({step_}, random_);
    limit.amount = step_;
    switch (dice_() % 6) {
      case 0: limit.subject = any(now.accounts).id; return {.opened = {limit}};
      case 1: limit.subject = any(now.keys).id; return {.limits = {limit}};
      case 2: return now.limits.size() > 10 ? catalog::Changes{.removed = {any(now.limits).id}} : catalog::Changes{};
      case 3: return {.limits = {edited(any(now.limits), now)}};
      case 4: return {.accounts = {account(now)}};
      default: break;
    }
    catalog::Key key = any(now.keys);
    key.id = base::KeyId::create({step_}, random_);
    key.hash = base::sha256(key.id.to_string());
    return {.keys = {key}};
  }

 private:
  template <class Row>
  Row any(const catalog::Table<Row>& table) {
    auto row = table.begin();
    std::advance(row, static_cast<std::ptrdiff_t>(dice_() % table.size()));
    return *row;
  }
  catalog::Limit edited(catalog::Limit limit, const Contents& now) {
    limit.amount = step_;
    if (dice_() % 4 == 0) limit.subject = any(now.accounts).id;
    return limit;
  }
  catalog::Account account(const Contents& now) {
    catalog::Account account = any(now.accounts);
    account.external_id = dice_() % 3 == 0 ? "" : fmt::format("new {}", step_);
    if (dice_() % 2 == 0) return account;
    account.id = base::AccountId::create({step_}, random_);
    account.parent = any(now.accounts).id;
    return account;
  }

  tests::SeededRandom random_{2};
  std::mt19937 dice_{7};  // NOLINT(cert-msc51-cpp): the same each time
  std::int64_t step_ = 0;
};

}  // namespace

TEST_CASE("a change makes anew what it names, and shares the rest with the snapshot before, however large that is") {
  const Contents contents = many(20'000);
  const auto before = *Snapshot::build(contents);
  const std::size_t chunks = before->sharing_with(*before).chunks;
  CHECK(chunks > 400);
  CHECK(before->sharing_with(*before).own == 0);
  catalog::Limit limit = contents.limits[7'000];
  limit.amount = 5;
  const auto edited = *before->with({.limits = {limit}});
  CHECK(edited->sharing_with(*before).own == 1);
  CHECK(amounts(*edited, contents.keys[7'000].id) == std::vector<std::int64_t>{5});
  CHECK(amounts(*before, contents.keys[7'000].id) == std::vector<std::int64_t>{7'000});
  CHECK(amounts(*edited, contents.keys[7'001].id) == std::vector<std::int64_t>{7'001});

  // A limit of an account with others below it is one row, too.
  limit = contents.limits[0];
  limit.amount = 6;
  const auto above = *edited->with({.limits = {limit}});
  CHECK(above->sharing_with(*edited).own == 1);
  CHECK(amounts(*above, contents.keys[3].id) == std::vector<std::int64_t>{3, 6});

  // Its row, what is beside it, the account's list or the end of it, and its id; and the hole that it leaves.
  limit.id = id_of<base::LimitId>(77);
  const auto created = *above->with({.opened = {limit}});
  CHECK(created->sharing_with(*above).own <= 5);
  const auto removed = *created->with({.removed = {limit.id}});
  CHECK(removed->sharing_with(*created).own <= 4);
  CHECK(amounts(*removed, contents.keys[3].id) == std::vector<std::int64_t>{3, 6});
  catalog::Key key = contents.keys[9];
  key.status = catalog::KeyStatus::revoked;
  CHECK((*removed->with({.keys = {key}}))->sharing_with(*removed).own == 1);
}

TEST_CASE("after any changes a snapshot is what building it from the same contents gives") {
  AnyChange change;
  auto snapshot = *Snapshot::build(many(40));
  for (int step = 0; step < 2'000; ++step) {
    CAPTURE(step);
    auto next = snapshot->with(change.of(snapshot->contents()));
    REQUIRE(next.has_value());
    snapshot = *next;
  }
  const Contents contents = snapshot->contents();
  const auto built = *Snapshot::build(contents);
  CHECK(contents.accounts.size() > 100);
  CHECK(contents.limits.size() > 100);
  for (const catalog::Key& key : contents.keys) {
    const auto entry = snapshot->find_key(key.hash);
    REQUIRE(entry.has_value());
    auto mine = amounts(*snapshot, key.id), fresh = amounts(*built, key.id);
    std::ranges::sort(mine);  // a row takes the place of one that went: the order among an account's own may differ
    std::ranges::sort(fresh);
    CHECK(mine == fresh);
    CHECK(entry->account->id == built->find_key(key.id)->account->id);
  }
  for (const catalog::Limit& limit : contents.limits) CHECK(*snapshot->find_limit(limit.id) == limit);
  for (const catalog::Account& account : contents.accounts)
    if (!account.external_id.empty()) CHECK(snapshot->find_account_named(account.external_id)->id == account.id);
  CHECK((snapshot->find_account_named("customer 39") == nullptr) ==
        (built->find_account_named("customer 39") == nullptr));
}

TEST_CASE("a change that contradicts the snapshot makes none") {
  const Contents contents = sound();
  const auto before = *Snapshot::build(contents);
  catalog::Account account = contents.accounts[0];
  account.parent = contents.accounts[1].id;
  CHECK_FALSE(before->with({.accounts = {account}}).has_value());  // above itself
  catalog::Key key = contents.keys[0];
  key.id = id_of<base::KeyId>(8);
  CHECK_FALSE(before->with({.keys = {key}}).has_value());  // two keys with one hash
  key = contents.keys[0];
  key.account = id_of<base::AccountId>(9);
  CHECK_FALSE(before->with({.keys = {key}}).has_value());
  catalog::Limit limit = contents.limits[0];
  limit.subject = id_of<base::AccountId>(9);
  CHECK_FALSE(before->with({.limits = {limit}}).has_value());
  limit = contents.limits[0];
  limit.from_template = id_of<base::LimitId>(9);
  CHECK_FALSE(before->with({.limits = {limit}}).has_value());
  CHECK_FALSE(before->with({.removed = {id_of<base::LimitId>(9)}}).has_value());
}

TEST_CASE("grants are replaced for one account or for all, and it is said whose are others now") {
  Contents contents = sound();
  contents.accounts.edit(0).credit_only = true;
  const base::AccountId first = contents.accounts[0].id, second = contents.accounts[1].id;
  contents.grants = {grant_of(first, 1, 20), grant_of(first, 2, 10), grant_of(second, 3, 1)};
  const auto before = *Snapshot::build(contents);
  const auto entry = before->find_key(id_of<base::KeyId>(3));
  REQUIRE(entry->balance.has_value());
  CHECK(entry->balance->account->id == first);
  CHECK(entry->balance->grants[0].id == id_of<base::GrantId>(2));
  CHECK(before->find_grant(id_of<base::GrantId>(3))->account == second);
  CHECK_FALSE(before->find_balance(second).has_value());

  std::vector<base::AccountId> moved;
  const auto same = *before->with_grants(contents.grants, std::nullopt, moved);
  CHECK(moved.empty());
  const std::vector of_first{grant_of(first, 4, 1)};
  const auto one = *same->with_grants(of_first, first, moved);
  CHECK(moved == std::vector{first});
  CHECK(one->find_grant(id_of<base::GrantId>(1)) == nullptr);
  CHECK(one->find_grant(id_of<base::GrantId>(4)) != nullptr);
  CHECK(one->find_grant(id_of<base::GrantId>(3)) != nullptr);
  moved.clear();
  const auto none = *one->with_grants({}, std::nullopt, moved);
  CHECK(moved == std::vector{first, second});
  CHECK(none->grants().empty());
  CHECK(none->find_key(id_of<base::KeyId>(3))->balance->grants.empty());
  const std::vector twice{grant_of(first, 4, 1), grant_of(second, 4, 1)};
  CHECK_FALSE(none->with_grants(twice, std::nullopt, moved).has_value());
}
