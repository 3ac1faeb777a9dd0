#include "ledger/monthly_fee.h"

#include <doctest/doctest.h>

#include <set>

namespace {

constexpr base::WallTime november_21{1'795'219'200'000};  // 2026-11-21T00:00:00Z
constexpr std::int64_t hour_ms = 3'600'000, day_ms = 24 * hour_ms;

catalog::Account account(int day, base::WallTime since, std::string_view zone = "UTC") {
  catalog::Account made;
  made.id.uuid.bytes[0] = 1;
  made.monthly_fee = catalog::MonthlyFee{
      .amount = base::Money::from_nanos(9), .day = day, .zone = *base::TimeZone::find(zone), .since = since};
  return made;
}

std::vector<std::string> notes(const std::vector<ledger::DueFee>& due) {
  std::vector<std::string> list;
  for (const ledger::DueFee& one : due) list.push_back(one.order.note.substr(one.order.note.size() - 10));
  return list;
}

using Dates = std::vector<std::string>;

}  // namespace

TEST_CASE("a fee is due for each period that began after it was set, the oldest first") {
  const auto set_now = account(1, november_21);
  CHECK(ledger::due_fees(set_now, {}, november_21).empty());
  CHECK(ledger::due_fees(set_now, {}, {november_21.ms + 10 * day_ms - 1}).empty());
  CHECK(notes(ledger::due_fees(set_now, {}, {november_21.ms + 10 * day_ms})) == Dates{"2026-12-01"});
  const base::WallTime spring{november_21.ms + 110 * day_ms};  // 2027-03-11: nobody was there for four months
  const auto due = ledger::due_fees(set_now, {}, spring);
  CHECK(notes(due) == Dates{"2026-12-01", "2027-01-01", "2027-02-01", "2027-03-01"});
  CHECK(notes(ledger::due_fees(set_now, due[2].period, spring)) == Dates{"2027-03-01"});
  CHECK(ledger::due_fees(set_now, due[3].period, spring).empty());
  CHECK(ledger::due_fees(set_now, due[3].period, november_21).empty());  // the clock was set back
  for (const ledger::DueFee& one : due) {
    CHECK(one.order.kind == ledger::TransferKind::fee);
    CHECK(one.order.account == set_now.id);
    CHECK(one.order.amount == base::Money::from_nanos(9));
  }
  catalog::Account none = set_now;
  none.monthly_fee.reset();
  CHECK(ledger::due_fees(none, {}, spring).empty());
}

TEST_CASE("a fee that is set on its very day is due a month later") {
  CHECK(ledger::due_fees(account(21, november_21), {}, {november_21.ms + day_ms}).empty());
  CHECK(notes(ledger::due_fees(account(21, {november_21.ms - 1}), {}, november_21)) == Dates{"2026-11-21"});
}

TEST_CASE("a short month's period begins on its last day, and a day begins at its zone's midnight") {
  const auto last = account(31, november_21);
  CHECK(notes(ledger::due_fees(last, {}, {november_21.ms + 102 * day_ms})) ==
        Dates{"2026-11-30", "2026-12-31", "2027-01-31", "2027-02-28"});
  const auto berlin = account(1, november_21, "Europe/Berlin");
  const base::WallTime midnight{november_21.ms + 10 * day_ms - hour_ms};
  CHECK(ledger::due_fees(berlin, {}, {midnight.ms - 1}).empty());
  CHECK(notes(ledger::due_fees(berlin, {}, midnight)) == Dates{"2026-12-01"});
}

TEST_CASE("the id of a fee follows from the account and the period, and from nothing else") {
  const base::WallTime spring{november_21.ms + 110 * day_ms};
  auto one = account(1, november_21);
  std::set<base::TransferId> ids;
  for (const ledger::DueFee& due : ledger::due_fees(one, {}, spring)) ids.insert(due.order.id);
  CHECK(ids.size() == 4);
  one.monthly_fee->amount = base::Money::from_nanos(10);
  for (const ledger::DueFee& due : ledger::due_fees(one, {}, {spring.ms + 1})) CHECK(ids.contains(due.order.id));
  one.id.uuid.bytes[0] = 2;
  for (const ledger::DueFee& due : ledger::due_fees(one, {}, spring)) CHECK_FALSE(ids.contains(due.order.id));
}
