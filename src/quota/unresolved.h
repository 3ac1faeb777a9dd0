#pragma once
// Money whose true cost nobody knew when its exchange ended, and what became of it.
//
// A usage record that holds something as unresolved is an item, and so is one of work that goes on (deferred.h),
// whether a limit holds something for it or not. It stays open until one correction ends it: an operator's, or the
// time-out's. The correction is a usage record of its own (Outcome::corrected) that takes the item's unresolved amounts
// off exactly the counters that the item names, as spent or back to what is available, and books what the call had cost
// after all. The item's own record never changes.
//
// Always: an item is corrected once or not at all; an exchange that still runs is no item, because its record is
// written when it has ended, and that of a dead process when the next one has proved its death (money-rules.md, "At
// least", "Process crash").

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/snapshot.h"
#include "events/usage_record.h"

namespace quota {

// Why the true cost is not known.
enum class UnresolvedCause : std::uint8_t {
  crash,        // the process died with the call under way: nobody knows whether it was sent
  no_usage,     // it was sent, and no reply said what was used
  at_least,     // what was counted is booked, and the provider may bill more
  unaccounted,  // a lease of a dead process, whose own records are lost
  deferred,     // the work goes on after its reply (deferred.h), or went on when it was last asked after
};
std::string_view to_string(UnresolvedCause cause) noexcept;
UnresolvedCause cause_of(const events::UsageRecord& record);
bool is_unresolved(const events::UsageRecord& record);

// The record of a reservation that a dead process left without an end. What cause_of() knows a crash by.
void mark_crashed(events::UsageRecord& record);

enum class Verdict : std::uint8_t {
  settled,    // an operator knows the cost
  released,   // an operator knows that nothing more is owed
  timed_out,  // nobody has said: all that was held counts as spent
};
std::string_view to_string(Verdict verdict) noexcept;

struct Correction {
  base::ExchangeId item;
  Verdict verdict = Verdict::settled;
  std::string reason;          // an operator's words; may be empty unless released
  events::UsageRecord record;  // corrected; `started` is when it was decided, `cost` what is booked on top
  bool operator==(const Correction&) const = default;
};

struct UnresolvedItem {
  events::UsageRecord record;
  base::WallTime since;  // when its exchange ended, or its process was found dead
  std::optional<Correction> correction = std::nullopt;
  // Those of its holds that are on grants of a balance, by their counters, also where nothing is left of the grant; and
  // whose they are. item() and correct() say it.
  std::vector<base::LimitId> grants = {};
  base::AccountId payer = {};
  bool operator==(const UnresolvedItem&) const = default;
};

struct UnresolvedFilter {
  std::optional<base::AccountId> account = std::nullopt;
  std::optional<base::KeyId> key = std::nullopt;
  std::optional<base::WallTime> since_before = std::nullopt;
  std::optional<base::ExchangeId> before = std::nullopt;  // older than this one: the cursor of a page
  std::size_t limit = 100;                                // 1 to 1000
};

// Port: the items. One conformance suite holds for every implementation (tests/conformance).
class UnresolvedStore {
 public:
  virtual ~UnresolvedStore() = default;
  // Those that are open, newest first.
  virtual base::Result<std::vector<UnresolvedItem>> open_items(const UnresolvedFilter& filter) = 0;
  // Open or corrected. not_found: no record of that id holds or held anything.
  virtual base::Result<UnresolvedItem> item(base::ExchangeId id) = 0;
  // Writes the correction and moves its amounts, in one transaction. The same correction again changes nothing and
  // gives the first one's item; another one of a corrected item is a conflict.
  virtual base::Result<UnresolvedItem> correct(const Correction& correction) = 0;
};

// What the implementations answer alike.
std::unexpected<base::Error> no_such_item(base::ExchangeId id);
// conflict: the item was corrected otherwise. The ids and times of the two corrections may differ.
base::Status check_same_decision(const UnresolvedItem& item, const Correction& wanted);

// What an operator knows of a call.
struct KnownCost {
  base::Money cost;  // all of it, with what was counted already
  // Both or none. Without them a limit on tokens counts all that was held.
  std::optional<std::int64_t> input_tokens = std::nullopt;
  std::optional<std::int64_t> output_tokens = std::nullopt;
  // All that is known of what was used, of a call of which nothing was counted before; with both numbers above.
  std::optional<meter::Usage> usage = std::nullopt;
};

// Decides items. Thread-safe if the store is.
class UnresolvedDesk {
 public:
  // `settle_after_ms`: how long an item stays open before the time-out books it; nullopt: for ever.
  UnresolvedDesk(UnresolvedStore& store, const base::Clock& clock, base::Random& random,
                 std::optional<std::int64_t> settle_after_ms)
      : store_(store), clock_(clock), random_(random), settle_after_ms_(settle_after_ms) {}

  base::Result<std::vector<UnresolvedItem>> open_items(const UnresolvedFilter& filter) {
    return store_.open_items(filter);
  }
  base::Result<UnresolvedItem> item(base::ExchangeId id) { return store_.item(id); }
  // When the time-out books an open item; nullopt: never.
  std::optional<base::WallTime> settles_at(const UnresolvedItem& item) const;

  // Books the cost; the rest of what was held goes back. A cost above it is an overrun and booked in full. Of an
  // unaccounted item only the limit is known and no exchange, so that it moves the limit's numbers and no cost.
  // invalid_request: the cost, or a token count, is below what was booked already. `snapshot` knows the limits' units.
  base::Result<UnresolvedItem> settle(base::ExchangeId id, const KnownCost& known, std::string reason,
                                      const catalog::Snapshot& snapshot);
  // Nothing more is owed: all that was held goes back.
  base::Result<UnresolvedItem> release(base::ExchangeId id, std::string reason, const catalog::Snapshot& snapshot);
  // Books all items that have been open for too long. Returns how many; after a failure the rest stays open.
  base::Result<std::size_t> settle_overdue(const catalog::Snapshot& snapshot);

 private:
  Correction begun(const UnresolvedItem& item, Verdict verdict, std::string reason);

  UnresolvedStore& store_;
  const base::Clock& clock_;
  base::Random& random_;
  const std::optional<std::int64_t> settle_after_ms_;
};

}  // namespace quota
