#include "quota/recovery.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "journal/memory_disk.h"
#include "quota/doctor.h"
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

// The same with a prepaid account, whose grants are burnt in the order in which they are made.
class PrepaidMachine : public Machine {
 public:
  catalog::Account account{.id = std::get<base::AccountId>(world.limit(0).subject),
                           .parent = {},
                           .name = "acme",
                           .external_id = {},
                           .created = {}};
  std::vector<catalog::Grant> grants;
  catalog::Balance balance{.account = &account, .grants = {}};

  ledger::Decided post(ledger::TransferKind kind, base::Uuid subject, std::int64_t amount,
                       std::optional<ledger::Terms> terms = {}) {
    ledger::Order order{.id = {},
                        .kind = kind,
                        .account = account.id,
                        .subject = subject,
                        .amount = base::Money::from_nanos(amount),
                        .note = {},
                        .terms = terms,
                        .opens = {}};
    order.id.uuid.bytes[15] = static_cast<std::uint8_t>(++orders_);
    if (terms) order.opens.uuid = order.id.uuid;
    auto decided = world.store.memory.post(order, world.clock.wall_now());
    REQUIRE(decided.has_value());
    REQUIRE(decided->status == ledger::PostStatus::posted);
    return *decided;
  }
  base::GrantId top_up(std::int64_t amount) {
    ledger::Terms terms;
    terms.kind = catalog::GrantKind::paid;
    terms.priority = orders_;
    grants.push_back(*post(ledger::TransferKind::top_up, {}, amount, terms).opened);
    balance.grants = grants;
    return grants.back().id;
  }
  Reservation pay(std::int64_t charge) {
    std::optional<Decision> decision;
    admission->reserve(
        {}, charged(charge), world.clock.wall_now(), world.clock.now(), *world.record(),
        [&](Decision made) { decision.emplace(std::move(made)); }, &balance);
    keeper->turn();
    REQUIRE(decision.has_value());
    REQUIRE(std::holds_alternative<Reservation>(*decision));
    Reservation reservation = std::move(std::get<Reservation>(*decision));
    REQUIRE(admission->adopt(reservation).has_value());
    reservation.mark_sent();
    return reservation;
  }
  static Amounts charged(std::int64_t charge) {
    return {.usd = base::Money::from_nanos(charge), .requests = 1, .charge = base::Money::from_nanos(charge)};
  }
  CounterState state_of(base::GrantId grant) {
    const CounterQuery query{{catalog::counter_of(grant), {}}};
    return world.store.memory.read(std::span(&query, 1))->front();
  }
  std::vector<Discrepancy> wrong() {
    const auto snapshot = *catalog::Snapshot::build(*world.store.memory.load());
    return examine(world.store.memory, *snapshot, world.clock.wall_now())->wrong;
  }

 private:
  int orders_ = 0;
};

}  // namespace

TEST_CASE("after a crash each grant holds what an open call took from it, and has paid what ended calls did") {
  PrepaidMachine machine;
  const auto first = machine.top_up(100), second = machine.top_up(500);
  Reservation ended = machine.pay(60);
  std::move(ended).settle(PrepaidMachine::charged(50), meter::Certainty::exact);
  machine.open.push_back(machine.pay(90));  // 50 of the first, 40 of the second
  machine.crash();

  machine.start();
  CHECK(machine.journals.recovery.recovered_records == 2);
  CHECK(machine.state_of(first) == CounterState{.amount = 100, .spent = 50, .unresolved = 50});
  CHECK(machine.state_of(second) == CounterState{.amount = 500, .unresolved = 40});
  CHECK(machine.wrong() == std::vector<Discrepancy>{});
  // After a power loss all that was leased of a grant is held.
  machine.open.push_back(machine.pay(200));
  const std::int64_t leased = machine.state_of(second).leased;
  machine.crash();
  machine.folder.lose_power();
  machine.start();
  CHECK(machine.state_of(second) == CounterState{.amount = 500, .unresolved = 40 + leased});
  CHECK(machine.wrong() == std::vector<Discrepancy>{});
}

TEST_CASE("with a gap in the journals, all that is left of a balance is held, less what its grants owe each other") {
  PrepaidMachine machine;
  const auto first = machine.top_up(100), second = machine.top_up(50), third = machine.top_up(70);
  Reservation ended = machine.pay(90);
  std::move(ended).settle(PrepaidMachine::charged(90), meter::Certainty::exact);
  machine.flush();
  Reservation lost = machine.pay(20);
  std::move(lost).settle(PrepaidMachine::charged(20), meter::Certainty::exact);
  machine.crash();
  machine.post(ledger::TransferKind::dispute, first.uuid, 100);  // the others owe what was spent of it
  machine.world.store.put_back = true;
  machine.disk = *journal::MemoryDisk::open(machine.folder);
  for (const std::string& name : machine.folder.names())
    if (auto& byte = machine.folder.bytes(name)[4'096 + 80]; byte != std::byte{0}) byte ^= std::byte{1};
  const auto snapshot = *catalog::Snapshot::build(*machine.world.store.memory.load());
  const auto accepted =
      accept_restored(machine.world.store, *machine.disk, *snapshot, machine.world.clock.wall_now(), machine.random);
  REQUIRE(accepted.has_value());
  REQUIRE_FALSE(accepted->gap.empty());
  CounterState all;
  for (const base::GrantId grant : {first, second, third}) {
    const CounterState state = machine.state_of(grant);
    CHECK(state.grantable() == 0);
    all.spent += state.spent;
    all.unresolved += state.unresolved;
  }
  CHECK(all.spent + all.unresolved == 100 + 50 + 70 - 100);
  CHECK(machine.wrong() == std::vector<Discrepancy>{});
  machine.disk.reset();
  machine.world.store.put_back = false;
  machine.start();
}

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

TEST_CASE("what an exchange takes on stands in the journal, and is unresolved if it has no end") {
  Machine machine;
  const catalog::Limit limit = machine.world.limit(1'000), later = machine.world.limit(500);
  const base::Window window = base::window_at(later.window, machine.world.clock.wall_now());
  const auto lease = std::make_shared<Lease>(later.id, later.window, window);
  machine.leave_open(limit, 200);
  REQUIRE(machine.open.back().take_on({lease, later.unit, 200}).has_value());
  Reservation ended = machine.reserve(limit, 100);
  REQUIRE(ended.take_on({lease, later.unit, 100}).has_value());
  std::move(ended).settle(usd(60), meter::Certainty::exact);  // not flushed
  machine.crash();
  machine.start();
  CHECK(machine.world.state(limit) == CounterState{.amount = 1'000, .spent = 60, .unresolved = 200});
  CHECK(machine.world.state(later) == CounterState{.amount = 500, .spent = 60, .unresolved = 200});
}

TEST_CASE("where the journal has no room for what is to be taken on, the reservation is as it was") {
  Machine machine;
  const catalog::Limit limit = machine.world.limit(1'000);
  std::vector<std::shared_ptr<Lease>> leases;
  const auto new_lease = [&] {
    const catalog::Limit later = machine.world.limit(500);
    const base::Window window = base::window_at(later.window, machine.world.clock.wall_now());
    return leases.emplace_back(std::make_shared<Lease>(later.id, later.window, window));
  };
  Reservation one = machine.reserve(limit, 100);
  std::vector<journal::OpenRecord> others;
  for (;;) {
    auto entry = machine.scribe->reserve(one.record(), one.parts());
    if (!entry) break;
    others.push_back(std::move(*entry));
  }
  while (one.take_on({new_lease(), limit.unit, 100})) {
  }
  CHECK(one.parts().size() == leases.size());
  CHECK(leases.back()->reserved() == 0);
  CHECK(leases.back()->owed() == 0);
  std::move(one).release();
}

TEST_CASE("what a call was extended by stands in the journal: all of it is unresolved if it has no end") {
  Machine machine;
  const catalog::Limit limit = machine.world.limit(1'000);
  const auto extend = [&](Reservation& one, std::int64_t more) {
    std::optional<Decision> decision;
    machine.admission->extend(one, std::array{&limit}, usd(more), machine.world.clock.wall_now(),
                              machine.world.clock.now(), [&](Decision made) { decision.emplace(std::move(made)); });
    machine.keeper->turn();
    REQUIRE(one.extend(std::move(std::get<Reservation::Extension>(decision.value()))).has_value());
  };
  machine.leave_open(limit, 200);
  extend(machine.open.back(), 50);
  extend(machine.open.back(), 30);
  Reservation ended = machine.reserve(limit, 100);
  extend(ended, 300);
  std::move(ended).settle(usd(390), meter::Certainty::exact);  // not flushed
  machine.crash();
  machine.start();
  CHECK(machine.world.state(limit) == CounterState{.amount = 1'000, .spent = 390, .unresolved = 280});
  machine.settle(limit, 330, 330);  // to the last nano-dollar
}

TEST_CASE("where the journal has no room for an extension it goes back, and the reservation is as it was") {
  Machine machine;
  const catalog::Limit limit = machine.world.limit(1'000);
  Reservation one = machine.reserve(limit, 100);
  const auto lease = one.parts()[0].lease;
  (void)machine.reserve(limit, 800);
  std::vector<journal::OpenRecord> others;
  for (;;) {
    auto entry = machine.scribe->reserve(one.record(), one.parts());
    if (!entry) break;
    others.push_back(std::move(*entry));
  }
  const std::int64_t free = lease->free();
  std::int64_t held = 100;
  for (; held < 800; ++held) {
    auto more = machine.admission->try_extend(one, std::array{&limit}, usd(1), machine.world.clock.wall_now());
    REQUIRE(more.has_value());
    if (!one.extend(std::move(*more))) break;
  }
  CHECK(held < 800);
  CHECK(one.parts()[0].amount == held);
  CHECK(lease->reserved() == held);
  CHECK(lease->free() == free - (held - 100));
  std::move(one).release();
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
