#include "quota/recovery.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "journal/memory_disk.h"
#include "quota/restore.h"
#include "quota/scribe.h"
#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;

namespace {

constexpr journal::Options small{.segment_bytes = 16 * 1024, .record_bytes_max = 2'048};

// Processes that come and go over one store and one folder of journals.
class Machine {
 public:
  World world;  // its own keeper is not used
  tests::SeededRandom random{7};
  journal::MemoryFolder folder{random};
  std::unique_ptr<journal::MemoryDisk> disk;
  Journals journals;
  std::unique_ptr<Scribe> scribe;
  std::unique_ptr<Keeper> keeper;
  std::unique_ptr<Admission> admission;

  Machine() { start(); }
  ~Machine() { die(); }

  void start() {
    disk = *journal::MemoryDisk::open(folder);
    auto opened = open_journals(world.store, disk.get(), 1, world.clock.wall_now(), small,
                                {.prepare = [this] { keeper->prepare_journal(); }, .commit = {}, .durable = {}});
    REQUIRE_MESSAGE(opened.has_value(), (opened ? std::string() : opened.error().message));
    journals = std::move(*opened);
    scribe = std::make_unique<Scribe>(journals.journal->writer(0), 0);
    keeper = std::make_unique<Keeper>(world.store, world.clock, world.options, [] {}, journals.journal.get());
    admission = std::make_unique<Admission>(*keeper, scribe.get());
  }
  // As kill -9 does: nothing is told to anybody.
  void die() {
    admission.reset();
    keeper.reset();
    scribe.reset();
    journals = {};
    disk.reset();
  }
  void crash() {
    // Its reservations would end with it: they are forgotten, as memory is.
    static auto& forgotten = *new std::vector<Reservation*>;
    for (Reservation& one : open) forgotten.push_back(new Reservation(std::move(one)));
    open.clear();
    die();
  }

  Reservation reserve(const catalog::Limit& limit, std::int64_t amount) {
    const std::array limits{&limit};
    std::optional<Decision> decision;
    admission->reserve(limits, usd(amount), world.clock.wall_now(), world.clock.now(), *world.record(),
                       [&](Decision made) { decision.emplace(std::move(made)); });
    keeper->turn();
    REQUIRE(decision.has_value());
    REQUIRE(std::holds_alternative<Reservation>(*decision));
    Reservation reservation = std::move(std::get<Reservation>(*decision));
    REQUIRE(admission->adopt(reservation).has_value());
    return reservation;
  }
  void leave_open(const catalog::Limit& limit, std::int64_t amount) {
    open.push_back(reserve(limit, amount));
    open.back().mark_sent();
  }
  void settle(const catalog::Limit& limit, std::int64_t reserved, std::int64_t cost) {
    Reservation one = reserve(limit, reserved);
    one.mark_sent();
    std::move(one).settle(usd(cost), meter::Certainty::exact);
  }
  void flush() {
    world.clock.advance_ms(world.options.flush_every_ms);
    keeper->turn();
  }

  std::vector<Reservation> open;
};

}  // namespace

TEST_CASE("after a crash what ended is booked, what was open is unresolved, and the rest is free again") {
  Machine machine;
  const catalog::Limit limit = machine.world.limit(1'000);
  machine.settle(limit, 100, 60);
  machine.flush();
  machine.settle(limit, 100, 70);  // not flushed
  machine.leave_open(limit, 200);
  machine.crash();
  CHECK(machine.world.state(limit).leased > 0);

  machine.start();
  CHECK(machine.journals.recovery.recovered_records == 2);
  CHECK(machine.journals.open_exchanges == 1);
  CHECK(machine.journals.recovery.unaccounted_leases == 0);
  CHECK(machine.journals.doubt.empty());
  const CounterState state = machine.world.state(limit);
  CHECK(state.spent == 130);
  CHECK(state.unresolved == 200);
  CHECK(state.leased == 0);
  const auto records = machine.world.records();
  REQUIRE(records.size() == 3);
  const auto interrupted = std::ranges::find(records, events::Outcome::failed, &events::UsageRecord::outcome);
  REQUIRE(interrupted != records.end());
  CHECK_FALSE(interrupted->usage.has_value());
  CHECK(interrupted->holds[0].unresolved == 200);
  machine.settle(limit, 670, 670);  // to the last nano-dollar
}

TEST_CASE("what the store has is not booked again, however often a process dies") {
  Machine machine;
  const catalog::Limit limit = machine.world.limit(1'000);
  machine.settle(limit, 100, 60);
  machine.flush();
  machine.settle(limit, 100, 40);
  for (int i = 0; i < 3; ++i) {
    machine.crash();
    machine.start();
    CHECK(machine.journals.recovery.recovered_records == (i == 0 ? 1 : 0));
    CHECK(machine.world.state(limit).spent == 100);
    CHECK(machine.world.state(limit).leased == 0);
    CHECK(machine.world.state(limit).unresolved == 0);
  }
  CHECK(machine.world.records().size() == 2);
}

TEST_CASE("a flush whose answer was lost is told from one that did not happen") {
  for (const auto answer : {ScriptedStore::Answer::lost, ScriptedStore::Answer::refused}) {
    Machine machine;
    const catalog::Limit limit = machine.world.limit(1'000);
    machine.settle(limit, 100, 60);
    machine.world.store.on_flush = answer;
    machine.flush();
    machine.world.store.on_flush = ScriptedStore::Answer::given;
    machine.crash();
    machine.start();
    CHECK(machine.journals.recovery.recovered_records == (answer == ScriptedStore::Answer::lost ? 0 : 1));
    CHECK(machine.world.state(limit).spent == 60);
    CHECK(machine.world.state(limit).leased == 0);
    CHECK(machine.world.records().size() == 1);
  }
}

TEST_CASE("where a journal is doubted, what was leased becomes unresolved and nothing goes back") {
  Machine machine;
  const catalog::Limit limit = machine.world.limit(1'000);
  machine.settle(limit, 100, 60);
  machine.leave_open(limit, 200);
  const std::int64_t leased = machine.world.state(limit).leased;
  SUBCASE("a journal is gone") {
    machine.crash();
    for (const std::string& name : machine.folder.names()) machine.folder.erase(name);
    machine.start();
    CHECK(machine.journals.recovery.recovered_records == 0);
    CHECK(machine.world.state(limit).spent == 0);
    CHECK(machine.world.state(limit).unresolved == leased);
  }
  SUBCASE("the machine was started anew") {
    machine.crash();
    machine.folder.lose_power();
    machine.start();
    const CounterState state = machine.world.state(limit);
    CHECK(state.spent + state.unresolved == leased);
    CHECK(machine.journals.recovery.unaccounted_leases == 1);
  }
  CHECK(machine.world.state(limit).leased == 0);
  CHECK_FALSE(machine.journals.doubt.empty());
}

TEST_CASE("an exchange that cannot be written down is not admitted, and takes nothing") {
  Machine machine;
  const catalog::Limit limit = machine.world.limit(1'000'000);
  machine.folder.trouble.capacity = 0;  // no further segment
  const std::array limits{&limit};
  int admitted = 0;
  for (int i = 0; i < 1'000; ++i) {
    std::optional<Decision> decision;
    machine.admission->reserve(limits, usd(10), machine.world.clock.wall_now(), machine.world.clock.now(),
                               *machine.world.record(), [&](Decision made) { decision.emplace(std::move(made)); });
    machine.keeper->turn();
    auto& reservation = std::get<Reservation>(*decision);
    const auto adopted = machine.admission->adopt(reservation);
    if (!adopted) {
      CHECK(adopted.error().type == base::ErrorType::unavailable);
      std::move(reservation).release();
      break;
    }
    ++admitted;
    machine.open.push_back(std::move(reservation));
  }
  CHECK(admitted > 0);
  CHECK(admitted < 1'000);
  auto record = machine.world.record();
  CHECK_FALSE(machine.admission->try_reserve(limits, usd(1), machine.world.clock.wall_now(), record).has_value());
  CHECK(record != nullptr);
  CHECK_FALSE(machine.admission->trouble().empty());
  // What is open can end, and with the room that comes back all goes on.
  machine.open.clear();
  machine.folder.trouble.capacity = 1 << 30;
  machine.flush();
  machine.world.clock.advance_ms(2'000);
  machine.keeper->turn();
  machine.settle(limit, 10, 5);
  machine.flush();
  CHECK(machine.world.state(limit).spent == 5);
}

TEST_CASE(
    "a store that was put back from a backup does not start before it is accepted, and then holds what was open") {
  Machine machine;
  const catalog::Limit limit = machine.world.limit(1'000);
  machine.settle(limit, 100, 60);
  machine.flush();
  machine.settle(limit, 100, 70);  // not flushed, but a record after the flush: the journal notes the commit
  machine.leave_open(limit, 200);
  machine.crash();
  machine.world.store.put_back = true;
  const CounterState before = machine.world.state(limit);
  REQUIRE(before.leased > 0);

  machine.disk = *journal::MemoryDisk::open(machine.folder);
  const auto refused = open_journals(machine.world.store, machine.disk.get(), 1, machine.world.clock.wall_now(), small,
                                     {.prepare = {}, .commit = {}, .durable = {}});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().type == base::ErrorType::conflict);
  CHECK(refused.error().message.contains("it has made 0 commits"));
  CHECK(refused.error().message.contains("metergate restore --accept"));
  CHECK(machine.world.state(limit) == before);

  const auto snapshot = *catalog::Snapshot::build(*machine.world.store.memory.load());
  const auto accepted =
      accept_restored(machine.world.store, *machine.disk, *snapshot, machine.world.clock.wall_now(), machine.random);
  REQUIRE(accepted.has_value());
  CHECK(accepted->gap.empty());
  CHECK(accepted->open_exchanges == 1);
  CHECK(accepted->recovery.recovered_records == 2);
  CHECK(accepted->held_limits == 0);
  const CounterState after = machine.world.state(limit);
  CHECK(after.spent == 130);
  CHECK(after.leased == 0);
  CHECK(after.unresolved == 200 + (before.leased - 70 - 200));  // nothing goes back
  machine.disk.reset();
  machine.start();  // the journals that knew more are gone
  CHECK(machine.journals.recovery.recovered_records == 0);
  const auto again =
      accept_restored(machine.world.store, *machine.disk, *snapshot, machine.world.clock.wall_now(), machine.random);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().message.contains("nothing to accept"));
}

TEST_CASE("with a gap in the journals, all that is left of a hard limit is held, and of no other") {
  Machine machine;
  const catalog::Limit limit = machine.world.limit(1'000);
  machine.settle(limit, 100, 60);
  machine.flush();
  machine.settle(limit, 100, 70);
  machine.crash();
  machine.world.store.put_back = true;
  machine.disk = *journal::MemoryDisk::open(machine.folder);
  // The first reservation of the journal is damaged: it stands behind a note of 40 bytes.
  for (const std::string& name : machine.folder.names())
    if (auto& byte = machine.folder.bytes(name)[4'096 + 80]; byte != std::byte{0}) byte ^= std::byte{1};
  const auto snapshot = *catalog::Snapshot::build(*machine.world.store.memory.load());
  const auto accepted =
      accept_restored(machine.world.store, *machine.disk, *snapshot, machine.world.clock.wall_now(), machine.random);
  REQUIRE(accepted.has_value());
  CHECK_FALSE(accepted->gap.empty());
  CHECK(accepted->held_limits == 1);
  const CounterState after = machine.world.state(limit);
  CHECK(after.leased == 0);
  CHECK(after.spent + after.unresolved == 1'000);
  machine.disk.reset();
  machine.world.store.put_back = false;
  machine.start();
}
