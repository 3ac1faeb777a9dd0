// What only the store on a file can do wrong. What every store must do is in tests/conformance.
#include "store/sqlite/sqlite_store.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/support/seeded_random.h"
#include "tests/support/temporary_folder.h"

using quota::CounterKey;
using quota::CounterState;
using store::SqliteStore;
using store::sqlite::Database;

namespace {

constexpr base::WallTime today{1'795'219'200'000};

struct World {
  tests::TemporaryFolder folder;
  tests::SeededRandom random{4};
  std::filesystem::path path = folder.path() / "data" / "metergate.db";
  catalog::Account account = {.id = base::AccountId::create(today, random),
                              .parent = {},
                              .name = "account",
                              .external_id = {},
                              .status = catalog::AccountStatus::active,
                              .created = today};
  CounterKey counter{base::LimitId::create(today, random), {today.ms}};

  std::unique_ptr<SqliteStore> open() {
    auto store = SqliteStore::open(path);
    REQUIRE_MESSAGE(store.has_value(), (store ? std::string() : store.error().message));
    return std::move(*store);
  }
  // A store with a limit of 100, of which 60 are leased and 20 of these settled.
  void fill(SqliteStore& store) {
    REQUIRE(store.put(account).has_value());
    REQUIRE(store
                .put(catalog::Limit{
                    .id = counter.limit, .subject = account.id, .name = "limit", .amount = 100, .created = today})
                .has_value());
    REQUIRE(store.open_incarnation(today).has_value());
    const quota::GrantRequest request{{counter}, 60, 60};
    REQUIRE(store.grant(std::span(&request, 1)).has_value());
    const auto record = exchange(20);
    REQUIRE(store.flush({.records = events::pointers_to(std::span(&record, 1)), .returns = {}}).has_value());
  }
  events::UsageRecord exchange(std::int64_t cost) {
    events::UsageRecord record;
    record.id = base::ExchangeId::create(today, random);
    record.started = today;
    record.account = account.id;
    record.cost = base::Money::from_nanos(cost);
    record.holds = {{counter.limit, counter.label, cost, cost, 0}};
    return record;
  }
  CounterState state(SqliteStore& store) {
    const quota::CounterQuery query{counter};
    return store.read(std::span(&query, 1))->front();
  }
  // The database as a person with a shell has it.
  Database raw() { return *Database::open(path, Database::Access::read_write); }
};

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

unsigned mode_of(const std::filesystem::path& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}

}  // namespace

TEST_CASE("a database is created for its owner alone, from an empty file too") {
  World world;
  const ::mode_t lax = ::umask(0);
  {
    const auto store = world.open();
    world.fill(*store);
    for (const char* name : {"metergate.db", "metergate.db-wal", "metergate.db-shm"}) {
      CAPTURE(name);
      CHECK(mode_of(world.folder.path() / "data" / name) == 0600);
    }
    CHECK(mode_of(world.folder.path() / "data") == 0700);
  }
  ::umask(lax);

  World other;
  std::filesystem::create_directory(other.folder.path() / "data");
  {
    std::ofstream empty(other.path);
  }
  CHECK(other.open()->load()->accounts.empty());
}

TEST_CASE("everything is there after a restart") {
  World world;
  std::vector<events::UsageRecord> before;
  {
    const auto store = world.open();
    world.fill(*store);
    before = *store->records({});
  }
  const auto store = world.open();
  CHECK(store->load()->accounts == std::vector{world.account});
  CHECK(*store->records({}) == before);
  CHECK(world.state(*store) == CounterState{.amount = 100, .spent = 20, .leased = 40});
  const auto recovery = store->open_incarnation(today);
  CHECK(recovery->incarnation == 2);
  CHECK(recovery->unaccounted_leases == 1);
  CHECK(world.state(*store) == CounterState{.amount = 100, .spent = 20, .unresolved = 40});
}

TEST_CASE("what was acknowledged survives kill -9") {
  World world;
  int done[2];
  REQUIRE(::pipe(done) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto store = world.open();
    world.fill(*store);
    (void)!::write(done[1], "y", 1);
    for (;;) ::pause();  // nothing is closed
  }
  char answer = 0;
  REQUIRE(::read(done[0], &answer, 1) == 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(done[0]);
  ::close(done[1]);

  const auto store = world.open();
  CHECK(store->open_incarnation(today)->unaccounted_leases == 1);
  CHECK(world.state(*store) == CounterState{.amount = 100, .spent = 20, .unresolved = 40});
  CHECK(store->records({})->size() == 2);
}

TEST_CASE("a file that is not ours, or newer than we are, is refused and left as it is") {
  World world;
  {
    world.open();
  }
  const auto refused = [&](std::string_view script, std::string_view reason) {
    {
      REQUIRE(world.raw().execute(script).has_value());
    }
    const std::string before = bytes_of(world.path);
    const auto store = SqliteStore::open(world.path);
    REQUIRE_FALSE(store.has_value());
    CHECK(store.error().message.find(reason) != std::string::npos);
    CHECK(store.error().message.find(world.path.string()) != std::string::npos);
    CHECK(bytes_of(world.path) == before);
  };
  refused("PRAGMA user_version = 99", "newer");
  refused("PRAGMA user_version = 1; PRAGMA application_id = 0", "not Metergate's");
  refused("PRAGMA user_version = 0; PRAGMA application_id = 7", "not Metergate's");
  {
    std::ofstream(world.path, std::ios::trunc) << std::string(5000, 'x');
  }
  CHECK_FALSE(SqliteStore::open(world.path).has_value());
}

TEST_CASE("a store that another process has taken over admits and books nothing more") {
  World world;
  const auto first = world.open();
  world.fill(*first);
  const auto second = world.open();
  REQUIRE(second->open_incarnation(today).has_value());
  const CounterState taken_over{.amount = 100, .spent = 20, .unresolved = 40};
  CHECK(world.state(*second) == taken_over);

  const quota::GrantRequest request{{world.counter}, 1, 10};
  const auto grant = first->grant(std::span(&request, 1));
  REQUIRE_FALSE(grant.has_value());
  CHECK(grant.error().type == base::ErrorType::conflict);
  const auto record = world.exchange(5);
  CHECK_FALSE(first->flush({.records = events::pointers_to(std::span(&record, 1)), .returns = {}}).has_value());
  CHECK(world.state(*second) == taken_over);
}

TEST_CASE("the database itself refuses books that do not balance") {
  World world;
  const auto store = *SqliteStore::open(world.path, {.segment_grows_below = 1, .fold_at = 1});
  world.fill(*store);
  for (const char* script :
       {"UPDATE counters SET leased = -1", "UPDATE leases SET returned = 41", "UPDATE leases SET consumed = 61",
        "UPDATE counters SET spent = spent + 9223372036854775807", "UPDATE usage_sums SET cost = -1",
        "UPDATE usage_sums SET cost = cost + 9223372036854775807", "UPDATE limits SET amount = 0.5",
        "DELETE FROM usage_segments", "DELETE FROM usage_folds", "DELETE FROM usage_ids",
        "UPDATE usage_ids SET entries = zeroblob(20)", "UPDATE usage_segments SET last_started = first_started - 1",
        "DELETE FROM accounts"}) {
    CAPTURE(script);
    CHECK_FALSE(world.raw().execute(std::string("PRAGMA foreign_keys = ON; ") + script).has_value());
  }
}

TEST_CASE("a writer is durable, and a text of a newer version is an error that names it") {
  World world;
  const auto store = world.open();
  world.fill(*store);
  Database raw = world.raw();
  {
    auto rows = raw.query("PRAGMA synchronous");
    REQUIRE(rows->next().has_value());
    CHECK(rows->take_integer() == 2);  // FULL
  }
  REQUIRE(raw.execute("UPDATE limits SET mode = 'bananas'").has_value());
  const auto loaded = store->load();
  REQUIRE_FALSE(loaded.has_value());
  CHECK(loaded.error().message.find("bananas") != std::string::npos);
}

TEST_CASE("no secret is in the database file") {
  World world;
  const std::string secret = catalog::new_secret(catalog::KeyRole::data, world.random);
  {
    const auto store = world.open();
    world.fill(*store);
    REQUIRE(store
                ->put(catalog::Key{.id = base::KeyId::create(today, world.random),
                                   .account = world.account.id,
                                   .name = "key",
                                   .hash = base::sha256(secret),
                                   .hint = catalog::hint_of(secret),
                                   .role = catalog::KeyRole::data,
                                   .status = catalog::KeyStatus::active,
                                   .created = today,
                                   .expires = {}})
                .has_value());
    CHECK(*store->sealed_secrets() == store::SecretBox::Sealed::none);
    const auto box = store::SecretBox::open(world.folder.path(), *store->sealed_secrets(), world.random);
    for (const char* plain : {"sk-the-first", "sk-the-second"})
      REQUIRE(store->put_secret("openai", box->seal("openai", base::Secret(std::string(plain)))).has_value());
    CHECK(*store->sealed_secrets() == store::SecretBox::Sealed::some);
    CHECK(box->unseal("openai", **store->get_secret("openai"))->reveal() == "sk-the-second");
    CHECK_FALSE(store->get_secret("anthropic")->has_value());
    for (const auto& file : std::filesystem::directory_iterator(world.path.parent_path())) {
      CAPTURE(file.path().string());
      const std::string bytes = bytes_of(file.path());
      for (const std::string_view plain : {std::string_view(secret), std::string_view(secret).substr(8, 16),
                                           std::string_view("sk-the-first"), std::string_view("sk-the-second")})
        CHECK(bytes.find(plain) == std::string::npos);
    }
  }
  CHECK(bytes_of(world.path).find("mg_live_") != std::string::npos);  // the search does find what is there: the hint
}

TEST_CASE("a long query of the usage log holds up no grant") {
  World world;
  const auto store = world.open();
  world.fill(*store);
  // A reader in the middle of its rows, as a report over a year is.
  Database reader = *Database::open(world.path, Database::Access::read_only);
  auto rows = reader.query("SELECT number FROM usage_segments");
  REQUIRE(*rows->next());

  std::jthread reports([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) CHECK(store->sums({}, events::UsageGroup::model).has_value());
  });
  for (int i = 0; i < 50; ++i) {
    const auto record = world.exchange(0);
    REQUIRE(store->flush({.records = events::pointers_to(std::span(&record, 1)), .returns = {}}).has_value());
  }
  CHECK(store->sums({}, events::UsageGroup::total)->front().requests == 51);
}
