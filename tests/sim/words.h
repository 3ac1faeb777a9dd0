#pragma once
// The words in which the auditor is told what happens: places, what is wanted and taken of them, records and limits as
// the store and the workload have them. Amounts of every unit are written as Money: tokens and requests are counted in
// nano-dollars of their own.

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/money.h"
#include "tests/sim/bookkeeper.h"

namespace sim {

// A grant of a balance is a limit with a number from here on, and its one window has the label 0.
inline constexpr int first_grant = 1'000'000;

// A limit by its number, in the window with a label.
struct Place {
  int limit = 0;
  std::int64_t label = 0;
  auto operator<=>(const Place&) const = default;
};
inline std::string name(Place place) {
  if (place.limit >= first_grant) return fmt::format("grant {}", place.limit - first_grant);
  return fmt::format("limit {} window {}", place.limit, place.label);
}

// A span of time in which a label counts.
struct Span {
  std::int64_t start = 0;
  std::int64_t end = 0;  // excluded
  bool operator==(const Span&) const = default;
};

// What an exchange wants of one limit; what it got says in which window.
struct Want {
  int limit = 0;
  Money amount;
};
struct Taking {
  Place place;
  Span span;
  Money amount;
  bool of_balance = false;  // a slice of a grant: these come last, in burn order
  bool taken_on = false;    // when the limit came into force, whether or not the store had so much
  std::int64_t epoch = 0;   // of the lease: two slices of a grant that were leased apart stay apart
};
// What it wants of the balance, where its account is prepaid.
struct BalanceWant {
  Money bound;  // what it may cost
  std::int64_t markup_basis_points = 0;
  std::vector<int> known = {};  // the grants that the worker knew
  bool store_failed = false;    // when it was asked for more of them
  // Of an extension: what it may have cost until now, and what it holds for that.
  std::optional<Money> extends = std::nullopt;
  Money held = {};
};

// What one exchange did to one counter, as its record must say it.
struct Booking {
  Money spent;
  Money unresolved;
};

// The store's words, read as they stand.
struct StoreNumbers {
  Money amount, spent, leased, unresolved;
  Money expired = {};    // of `unresolved`, what is left of lease rows that have expired
  Money quoted = {};     // held by quotes, whether or not their time is over
  Money leased_to = {};  // of `leased` and `expired`, what the node has that is spoken of
};
struct StoreHold {
  Place place;
  Money reserved, spent, unresolved;
};
enum class RecordKind : std::uint8_t {
  exchange,
  crashed,  // an exchange whose end nobody knows: it holds what was reserved
  refusal,
  unaccounted,
  opened,     // what a limit that came into force found in its window
  corrected,  // what became of something that was unresolved
};
struct StoreRecord {
  RecordKind kind = RecordKind::exchange;
  std::string id;
  std::int64_t started_ms = 0;
  Money estimate = {};  // what it could cost
  int exchange = 0;     // its number; of the first two kinds only
  Money cost;
  std::optional<std::vector<Moved>> postings;  // of the transfer that has the record's id
  std::vector<StoreHold> holds;
};

// What an operator knows of something that is unresolved, or that nobody has said anything of it for too long.
struct Decided {
  enum class Verdict : std::uint8_t { settled, released, timed_out };
  Verdict verdict = Verdict::settled;
  std::optional<int> exchange = std::nullopt;    // nullopt: of what a process had leased that was lost
  std::optional<StoreHold> lost = std::nullopt;  // that is then
  std::string lost_id = {};                      // its record, and when that was written
  std::int64_t lost_ms = 0;
  Money cost = {};                             // settled: all of it
  std::optional<Money> tokens = std::nullopt;  // likewise, if they are known
  std::int64_t markup_basis_points = 0;        // of whoever pays
  std::set<int> gone = {};                     // limits that are not in force
  // As openings name it.
  std::string what() const { return exchange ? std::to_string(*exchange) : lost_id; }
};

// How a process ended, and hence what may be gone.
enum class EndOfProcess : std::uint8_t {
  closed,  // in good order: nothing is gone
  // Its journals are whole: what ended has its record, and what was under way one that holds all of it.
  killed,
  // Part of the journals is gone, but nothing was sent before it stood on the disk: every exchange that was sent has a
  // record, and `unaccounted` ones stand for the rest, lease by lease.
  lost_power,
  // Nothing is certain but what the store was told: `unaccounted` records and those of crashed exchanges stand for it.
  lost,
};

// What a limit is, beside its amount.
enum class LimitKind : std::uint8_t {
  hard,
  lazy,    // holds nothing; admits until its amount is spent
  shadow,  // holds nothing and refuses nothing
  grant,   // of a balance: hard, and its amount is what its postings say
};
// More than its amount, until a moment and not at it.
struct RaisedTo {
  Money amount;
  std::int64_t until_ms = 0;
  bool operator==(const RaisedTo&) const = default;
};
// At a percentage of the amount that is spent.
struct Threshold {
  int percent = 0;
  bool blocks = false;
};
// That one was crossed, as the store says it.
struct Crossing {
  Place place;
  int percent = 0;
  Money amount, spent;
};
// Of a rolling limit: what was admitted within the span before now counts, and what is older by up to `slack_ms` may.
struct Rolling {
  std::int64_t span_ms = 0;
  std::int64_t slack_ms = 0;
};
struct LimitTerms {
  enum class Unit : std::uint8_t { usd, tokens, requests };
  LimitKind kind = LimitKind::hard;
  Unit unit = Unit::usd;
  std::string model = {};  // only exchanges that ask for it; empty: all
  std::optional<Rolling> rolling = {};
  std::vector<Threshold> thresholds = {};
  int home = 0;  // that it is on, of those that the account is moved between; 0: on the account itself
};
// What is known of an exchange whatever limits it has.
struct Call {
  std::int64_t stamp_ms = 0;
  std::string model;
  Money bound;   // what it may cost
  int home = 0;  // where its account was when it was asked
};

}  // namespace sim
