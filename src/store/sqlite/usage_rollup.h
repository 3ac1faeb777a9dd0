#pragma once
// Roll-ups: what all folded records add up to by one thing at a time. A question about all usage is answered from some
// hundred or thousand of these rows, whatever the number of records. They are a part of the fold (usage_fold.h):
// written in the transaction of a flush, together with the mark up to which records are in them. A correction of
// unresolved money is a record of its own and comes into them as every other; nothing else ever changes what a record
// counts.

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "events/usage_log.h"
#include "quota/doctor.h"
#include "store/sqlite/database.h"
#include "store/usage_codec.h"
#include "store/usage_series.h"

namespace store::sqlite {

// As numbered in the table. Those by hour are few; accounts and keys are many, and have a row a day.
enum class RollUp : std::uint8_t { total = 1, model, upstream, route, reason, account, key };

constexpr events::UsageStep step_of(RollUp kind) {
  return kind >= RollUp::account ? events::UsageStep::day : events::UsageStep::hour;
}

// How long calls took is rolled up, too.
constexpr bool has_latencies(RollUp kind) { return kind < RollUp::reason; }

// Which roll-up has what is asked for, all of it; nullopt: none has.
std::optional<RollUp> rollup_for(const events::UsageFilter& filter, events::UsageGroup group);

// What a roll-up has of one thing in one step.
struct RolledUp {
  base::WallTime at;  // the step's beginning
  std::string name;   // as events::UsageLog names its groups
  events::UsageSum sum;
};
// What the doctor calls it.
constexpr RollUp rollup_by(quota::KeptRollUp::By by) {
  return static_cast<RollUp>(static_cast<int>(by) + static_cast<int>(RollUp::total));
}

using SeeRolledUp = std::function<void(const RolledUp&)>;

// The steps that begin at `from` or later and before `to`, in ms since 1970.
struct Steps {
  std::int64_t from = 0;
  std::int64_t to = 0;
};
inline constexpr Steps all_steps{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};

// Shows what a roll-up has of the filter's account, key or model, or of all.
base::Status show_rolled_up(Database& database, RollUp kind, const events::UsageFilter& filter, Steps steps,
                            const SeeRolledUp& see);

// The same of how long calls took, added to `sums`; of those that has_latencies() is true of.
base::Status add_rolled_up(Database& database, RollUp kind, const events::UsageFilter& filter, Steps steps,
                           events::UsageGroup group, LatencySums& sums);

// Adds up what is folded, and writes it.
class RollUps {
 public:
  // The current record of the segment: all but its account and key. After the last one of a segment, `end`.
  base::Status take(const SegmentReader& segment);
  void end(const SegmentReader& segment);
  // What records of a day add up to that have an account and a key.
  void take(std::int64_t day, const base::Uuid& account, const base::Uuid& key, const events::UsageSum& sum);

  // Adds all that was taken to the tables, in a transaction, and begins anew.
  base::Status write(Database& database);

 private:
  struct Counted {
    events::UsageSum sum = {};
    events::LatencyHistogram durations = {}, first_bytes = {};
    void add(const Counted& other);
  };
  struct Row {
    RollUp kind = RollUp::total;
    std::int64_t at = 0;
    std::string name;
    auto operator<=>(const Row&) const = default;
  };
  struct RowHash {
    std::size_t operator()(const Row& row) const;
  };
  struct Place {
    RollUp kind = RollUp::total;
    std::uint32_t place = 0;
    std::int64_t hour = 0;
    bool operator==(const Place&) const = default;
  };
  struct PlaceHash {
    std::size_t operator()(const Place& place) const;
  };

  static base::Status write_latency(Database& database, const Row& row, const Counted& counted);

  std::unordered_map<Row, Counted, RowHash> rows_;
  std::unordered_map<Place, Counted, PlaceHash> of_segment_;
};

// Rolls up what was folded before there were roll-ups: the migration to the schema that has them.
base::Status roll_up_all(Database& database);

}  // namespace store::sqlite
