// What SQLite itself keeps anybody from doing to balances, and how an older database comes to have them.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include <fstream>

#include "store/sqlite/schema.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/support/temporary_folder.h"

using store::SqliteStore;
using store::sqlite::Database;

namespace {

// What a Metergate without balances left: an account, a limit on it, and what was spent of that.
constexpr std::string_view contents = R"(
  INSERT INTO accounts VALUES (x'01900000000070008000000000000001', NULL, 'acme', '', 'active', 1795219200000);
  INSERT INTO limits (id, account_id, key_id, name, unit, time_window, amount, refusal_status, clamp, created)
    VALUES (x'01900000000070008000000000000002', x'01900000000070008000000000000001', NULL, 'l', 'usd', 'total',
            100, 402, 1, 1795219200000);
)";
constexpr base::WallTime noon{1'795'262'400'000};  // 2026-11-21T12:00:00Z

struct World {
  tests::TemporaryFolder folder;
  std::filesystem::path path = folder.path() / "metergate.db";

  void make(std::int64_t version, std::string_view with = contents) {
    {
      std::ofstream empty(path);
    }
    auto database = *Database::open(path, Database::Access::read_write);
    REQUIRE(store::sqlite::migrate(database, version).has_value());
    REQUIRE(database.execute(with).has_value());
  }
  std::unique_ptr<SqliteStore> open() {
    auto store = SqliteStore::open(path);
    REQUIRE_MESSAGE(store.has_value(), (store ? std::string() : store.error().message));
    return std::move(*store);
  }
  // Why a statement is refused; empty: it is not.
  std::string refusal(std::string_view sql) {
    const auto done = Database::open(path, Database::Access::read_write)->execute(sql);
    return done ? std::string() : done.error().message;
  }
};

ledger::Order top_up(base::AccountId account) {
  ledger::Order order;
  order.id.uuid.bytes[0] = 1;
  order.account = account;
  order.amount = base::Money::from_nanos(70);
  order.terms = ledger::Terms{};
  order.opens.uuid.bytes[0] = 2;
  return order;
}

}  // namespace

TEST_CASE("a database of each earlier schema gets balances, and no account of it is prepaid") {
  for (const std::int64_t version : {1, 2, 3, 4, 5, 6, 7}) {
    CAPTURE(version);
    World world;
    world.make(version);
    for (int start = 0; start < 2; ++start) {  // the second finds it migrated
      const auto store = world.open();
      const auto loaded = store->load();
      REQUIRE(loaded.has_value());
      REQUIRE(loaded->accounts.size() == 1);
      const catalog::Account& account = loaded->accounts.front();
      CHECK_FALSE(account.credit_only);
      CHECK(account.markup == base::BasisPoints{});
      CHECK(loaded->limits.front().amount == 100);
      CHECK(loaded->grants.size() == static_cast<std::size_t>(start));
      const auto posted = store->post(top_up(account.id), noon);
      REQUIRE(posted.has_value());
      CHECK(posted->status == (start == 0 ? ledger::PostStatus::posted : ledger::PostStatus::exists));
      CHECK(store->check()->empty());
    }
  }
}

TEST_CASE("a prepaid account's settings survive a start") {
  World world;
  world.make(7);
  catalog::Account account = world.open()->load()->accounts.front();
  account.credit_only = true;
  account.markup = {250};
  account.top_up_fee = {30};
  REQUIRE(world.open()->put(account).has_value());
  CHECK(world.open()->load()->accounts.front() == account);
}

TEST_CASE("a monthly fee survives a start, and is not posted again where the note of it is lost") {
  World world;
  world.make(7);
  catalog::Account account = world.open()->load()->accounts.front();
  account.credit_only = true;
  account.monthly_fee = catalog::MonthlyFee{
      .amount = base::Money::from_nanos(20), .day = 31, .zone = *base::TimeZone::find("Europe/Berlin"), .since = noon};
  constexpr base::WallTime two_months{noon.ms + 70LL * 86'400'000};
  {
    const auto store = world.open();
    REQUIRE(store->put(account).has_value());
    REQUIRE(store->post(top_up(account.id), noon).has_value());
    CHECK(*store->sweep(two_months) == 2);
  }
  CHECK(world.open()->load()->accounts.front() == account);
  {
    auto raw = *Database::open(world.path, Database::Access::read_only);
    auto rows = raw.query("SELECT fee_through FROM accounts");
    REQUIRE(*rows->next());
    CHECK(rows->take_integer() == noon.ms + 40LL * 86'400'000 - 43'200'000);  // 2026-12-31T00:00:00
  }
  REQUIRE(world.refusal("UPDATE accounts SET fee_through = NULL").empty());
  const auto store = world.open();
  CHECK(*store->sweep(two_months) == 0);
  CHECK(store->book(account.id)->front().grant.credited == base::Money::from_nanos(30));
  CHECK(store->check()->empty());
}

TEST_CASE("the database refuses to change or forget a transfer, a posting or the terms of a grant") {
  World world;
  world.make(7);
  const base::AccountId account = world.open()->load()->accounts.front().id;
  REQUIRE(world.open()->post(top_up(account), noon).has_value());
  for (const char* sql : {"UPDATE transfers SET amount = 1", "DELETE FROM transfers", "UPDATE postings SET amount = 1",
                          "DELETE FROM postings"})
    CHECK(world.refusal(sql).contains("only appended"));
  CHECK(world.refusal("DELETE FROM grants").contains("never forgotten"));
  for (const char* column : {"amount", "priority", "effective", "expires", "created"})
    CHECK(world.refusal(fmt::format("UPDATE grants SET {0} = {0} - 1", column)).contains("never change"));
  CHECK(world.refusal("UPDATE grants SET voided = 1").empty());
  CHECK(world.refusal("UPDATE grants SET voided = 0").contains("stays void"));
}

TEST_CASE("a check says which number is not what the postings say") {
  World world;
  world.make(7);
  const base::AccountId account = world.open()->load()->accounts.front().id;
  REQUIRE(world.open()->post(top_up(account), noon).has_value());
  CHECK(world.open()->check()->empty());
  CHECK(world
            .refusal("UPDATE grants SET credited = credited + 1; "
                     "INSERT INTO counters SELECT id, 0, 5, 0, 6, 0 FROM grants")
            .empty());
  const auto found = *world.open()->check();
  const auto nanos = [](std::int64_t value) { return base::Money::from_nanos(value); };
  const base::GrantId grant = top_up(account).opens;
  CHECK(found == std::vector<ledger::Discrepancy>{{grant, "credited", nanos(71), nanos(70)},
                                                  {grant, "spent", nanos(5), nanos(0)},
                                                  {grant, "unresolved", nanos(6), nanos(0)}});
}

TEST_CASE("the price book that an account chooses survives a start, and one of an earlier schema chooses none") {
  World world;
  world.make(13,
             "INSERT INTO accounts (id, name, external_id, status, created) "
             "VALUES (x'01900000000070008000000000000001', 'acme', '', 'active', 1795219200000)");
  catalog::Account account = world.open()->load()->accounts.front();
  CHECK(account.book.is_none());
  account.book = catalog::BookName::of("contract");
  REQUIRE(world.open()->put(account).has_value());
  CHECK(world.open()->load()->accounts.front() == account);
}
