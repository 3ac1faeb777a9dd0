#include "quota/reservation.h"

#include <doctest/doctest.h>

#include <functional>
#include <vector>

using quota::Amounts;
using quota::Lease;
using quota::Reservation;
using Unit = catalog::LimitUnit;
using meter::Certainty;

namespace {

class Queue final : public quota::SettleQueue {
 public:
  std::vector<events::UsageRecord> records;
  void push(quota::Settled settled) override {
    REQUIRE(settled.record != nullptr);
    records.push_back(std::move(*settled.record));
  }
};

constexpr base::Window window{{1'795'219'200'000}, {1'795'219'200'000}, {1'795'219'200'001}};

// A dollar, a token and a request limit, with 100 leased of each, of which a reservation holds 60, 40 and 1.
class Desk {
 public:
  Queue queue;
  std::shared_ptr<Lease> usd = lease(1);
  std::shared_ptr<Lease> tokens = lease(2);
  std::shared_ptr<Lease> requests = lease(3);

  Reservation reserve() {
    Reservation::Parts parts;
    for (const auto& part : {Reservation::Part{usd, Unit::usd, 60}, Reservation::Part{tokens, Unit::tokens, 40},
                             Reservation::Part{requests, Unit::requests, 1}}) {
      REQUIRE(part.lease->take(part.amount));
      parts.push_back(part);
    }
    auto record = std::make_unique<events::UsageRecord>();
    record->model = "a model";
    return Reservation(queue, std::move(record), std::move(parts));
  }

 private:
  static std::shared_ptr<Lease> lease(std::uint8_t number) {
    base::LimitId limit;
    limit.uuid.bytes[0] = number;
    auto lease = std::make_shared<Lease>(limit, base::WindowPolicy{}, window);
    lease->give(100);
    return lease;
  }
};

Amounts amounts(std::int64_t nanos, std::int64_t tokens, std::int64_t requests) {
  return {.usd = base::Money::from_nanos(nanos),
          .input_tokens = tokens - tokens / 3,
          .output_tokens = tokens / 3,
          .requests = requests};
}

// What one end of a reservation does: to each lease, and to the record.
struct Row {
  const char* name;
  std::function<void(Reservation)> end;
  struct Numbers {
    std::int64_t free, spent, unresolved;
    bool operator==(const Numbers&) const = default;
  } usd, tokens, requests;
  std::int64_t cost;
};

using End = std::function<void(Reservation)>;

End settled(Amounts actual, Certainty certainty = Certainty::exact) {
  return [=](Reservation reservation) { std::move(reservation).settle(actual, certainty); };
}
void release(Reservation reservation) { std::move(reservation).release(); }
void drop(Reservation) {}
void drop_sent(Reservation reservation) { reservation.mark_sent(); }
void release_sent(Reservation reservation) {
  reservation.mark_sent();
  std::move(reservation).release();
}
void drop_unsent_again(Reservation reservation) {
  reservation.mark_sent();
  reservation.mark_unsent();
}

constexpr Row::Numbers untouched{100, 0, 0};

const Row ends[] = {
    {"released", release, untouched, untouched, untouched, 0},
    {"released though it was sent", release_sent, untouched, untouched, untouched, 0},
    {"destroyed before it was sent", drop, untouched, untouched, untouched, 0},
    {"destroyed after it was sent", drop_sent, {40, 0, 60}, {60, 0, 40}, {99, 1, 0}, 0},
    {"destroyed after it turned out unsent", drop_unsent_again, untouched, untouched, untouched, 0},
    {"settled with less than reserved", settled(amounts(25, 30, 1)), {75, 25, 0}, {70, 30, 0}, {99, 1, 0}, 25},
    {"settled with all of it", settled(amounts(60, 40, 1)), {40, 60, 0}, {60, 40, 0}, {99, 1, 0}, 60},
    {"at least some", settled(amounts(25, 30, 1), Certainty::at_least), {40, 25, 35}, {60, 30, 10}, {99, 1, 0}, 25},
    {"an overrun that is free", settled(amounts(90, 41, 1)), {10, 90, 0}, {59, 41, 0}, {99, 1, 0}, 90},
    {"an overrun beyond", settled(amounts(130, 100, 2)), {0, 130, 0}, {0, 100, 0}, {98, 2, 0}, 130},
    {"at least an overrun", settled(amounts(70, 40, 1), Certainty::at_least), {30, 70, 0}, {60, 40, 0}, {99, 1, 0}, 70},
};

Row::Numbers numbers(const Lease& lease) { return {lease.free(), lease.spent(), lease.unresolved()}; }

}  // namespace

TEST_CASE("each end of a reservation moves what it held, and says so in one record") {
  for (const Row& row : ends) {
    CAPTURE(row.name);
    Desk desk;
    row.end(desk.reserve());
    CHECK(numbers(*desk.usd) == row.usd);
    CHECK(numbers(*desk.tokens) == row.tokens);
    CHECK(numbers(*desk.requests) == row.requests);
    for (const auto& lease : {desk.usd, desk.tokens, desk.requests}) CHECK(lease->reserved() == 0);

    REQUIRE(desk.queue.records.size() == 1);
    const events::UsageRecord& record = desk.queue.records.front();
    CHECK(record.model == "a model");
    CHECK(record.cost.nanos() == row.cost);
    REQUIRE(record.holds.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      const Lease& lease = *std::array{desk.usd, desk.tokens, desk.requests}[i];
      const events::Hold& hold = record.holds[i];
      CHECK(hold.limit == lease.counter().limit);
      CHECK(hold.label == window.label);
      CHECK(hold.spent == lease.spent());
      CHECK(hold.unresolved == lease.unresolved());
      // What is not in the lease any more is what the hold kept of it; an overrun beyond the lease is not.
      CHECK(100 - lease.free() == std::min(hold.reserved, hold.spent + hold.unresolved));
    }
  }
}

TEST_CASE("while it is open a reservation is reserved money, and its record can be written on") {
  Desk desk;
  Reservation reservation = desk.reserve();
  CHECK(desk.usd->reserved() == 60);
  CHECK(desk.usd->free() == 40);
  CHECK(reservation.parts().size() == 3);
  CHECK_FALSE(reservation.sent());
  reservation.mark_sent();
  CHECK(reservation.sent());
  reservation.record().status = 200;
  CHECK(desk.queue.records.empty());
  std::move(reservation).settle(amounts(1, 1, 1), Certainty::exact);
  CHECK(desk.queue.records.front().status == 200);
}

TEST_CASE("a dropped reservation says that the exchange failed, a settled one says what it was told") {
  Desk desk;
  desk.usd->give(100);
  desk.tokens->give(100);
  {
    Reservation dropped = desk.reserve();
  }
  {
    Reservation sent = desk.reserve();
    sent.mark_sent();
  }
  desk.reserve().settle(amounts(0, 0, 1), Certainty::exact);
  REQUIRE(desk.queue.records.size() == 3);
  CHECK(desk.queue.records[0].outcome == events::Outcome::failed);
  CHECK(desk.queue.records[1].outcome == events::Outcome::failed);
  CHECK(desk.queue.records[2].outcome == events::Outcome::served);
}

TEST_CASE("a reservation that was moved from says nothing; what takes its place ends once") {
  Desk desk;
  {
    Reservation first = desk.reserve();
    first.mark_sent();
    Reservation second = std::move(first);
    CHECK(second.sent());
    CHECK(desk.queue.records.empty());
    std::move(second).settle(amounts(10, 10, 1), Certainty::exact);
    CHECK(desk.queue.records.size() == 1);
  }
  CHECK(desk.queue.records.size() == 1);
  CHECK(desk.usd->spent() == 10);
}

TEST_CASE("assigning to a reservation ends the one it held as if it were destroyed") {
  Desk desk;
  desk.usd->give(100);
  desk.tokens->give(100);
  Reservation held = desk.reserve();
  held.mark_sent();
  held = desk.reserve();
  CHECK_FALSE(held.sent());
  REQUIRE(desk.queue.records.size() == 1);
  CHECK(desk.usd->unresolved() == 60);  // it was sent: nothing is refunded on hope
  CHECK(desk.usd->reserved() == 60);
  Reservation& itself = held;
  held = std::move(itself);
  CHECK(desk.queue.records.size() == 1);
  std::move(held).release();
  CHECK(desk.queue.records.size() == 2);
  CHECK(desk.usd->free() == 140);
}

TEST_CASE("a reservation without limits holds nothing and still leaves its record") {
  Queue queue;
  {
    Reservation free_of_charge(queue, std::make_unique<events::UsageRecord>(), {});
  }
  REQUIRE(queue.records.size() == 1);
  CHECK(queue.records.front().holds.empty());
}

TEST_CASE("an amount is read in the unit that a limit counts") {
  const Amounts amounts{.usd = base::Money::from_nanos(1), .input_tokens = 20, .output_tokens = 300, .requests = 4'000};
  CHECK(amounts.in(Unit::usd) == 1);
  CHECK(amounts.in(Unit::input_tokens) == 20);
  CHECK(amounts.in(Unit::output_tokens) == 300);
  CHECK(amounts.in(Unit::tokens) == 320);
  CHECK(amounts.in(Unit::requests) == 4'000);
}

TEST_CASE("of a named unit a call takes its weight if it was made, all that it held, and nothing if it is not billed") {
  struct End {
    const char* name;
    std::function<void(Reservation)> end;
    std::int64_t spent;
  };
  Amounts refused = amounts(0, 0, 1);
  refused.unbilled = true;
  for (const End& row :
       {End{"settled", settled(amounts(25, 30, 1)), 5},
        End{"at least some", settled(amounts(25, 30, 1), Certainty::at_least), 5},
        End{"refused by the provider", settled(refused), 0}, End{"released", release, 0},
        End{"destroyed before it was sent", drop, 0}, End{"destroyed after it was sent", drop_sent, 5}}) {
    CAPTURE(row.name);
    Desk desk;
    REQUIRE(desk.usd->take(5));
    Reservation::Parts parts;
    parts.push_back({desk.usd, Unit::named, 5, {}, false, 5});     // held
    parts.push_back({desk.tokens, Unit::named, 0, {}, false, 5});  // of a lazy limit: only counted
    row.end(Reservation(desk.queue, std::make_unique<events::UsageRecord>(), std::move(parts)));
    CHECK(numbers(*desk.usd) == Row::Numbers{100 - row.spent, row.spent, 0});
    CHECK(desk.tokens->spent() == row.spent);
    CHECK(desk.queue.records.front().holds[0].spent == row.spent);
    CHECK(desk.queue.records.front().holds[1].spent == row.spent);
  }
}
