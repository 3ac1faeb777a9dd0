#include "store/sqlite/usage_rollup.h"

#include <algorithm>
#include <vector>

#include "store/sqlite/usage_segment.h"
#include "store/usage_sums.h"

namespace store::sqlite {
namespace {

using events::LatencyHistogram;
using events::UsageFilter;
using events::UsageGroup;
using events::UsageSum;

std::string bytes_of(const base::Uuid& id) { return {reinterpret_cast<const char*>(id.bytes.data()), sizeof id.bytes}; }

// How many steps of a histogram are passed over, and what the next one counts; to the last that counts anything.
std::string packed(const LatencyHistogram& histogram) {
  const std::vector<std::int64_t>& counts = histogram.counts();
  std::string bytes(2 * number_bytes_max * counts.size(), '\0');
  ByteWriter out(bytes.data());
  std::uint64_t passed = 0;
  for (const std::int64_t count : counts) {
    if (count == 0) {
      ++passed;
      continue;
    }
    out.number(std::exchange(passed, 0));
    out.number(static_cast<std::uint64_t>(count));
  }
  bytes.resize(static_cast<std::size_t>(out.at() - bytes.data()));
  return bytes;
}

base::Status add_packed(LatencyHistogram& histogram, std::string_view bytes) {
  ByteReader in(bytes);
  std::uint64_t step = 0;
  while (!in.rest().empty()) {
    step += in.number();
    const std::uint64_t count = in.number();
    if (in.broken() || !histogram.add_counted(step, static_cast<std::int64_t>(count)))
      return base::fail(base::ErrorType::unavailable, "a histogram of usage_latencies is damaged", {},
                        base::Source::store);
    ++step;
  }
  return {};
}

// What the filter wants of a roll-up's names; nullopt: all.
std::optional<std::string> name_wanted(RollUp kind, const UsageFilter& filter) {
  if (kind == RollUp::account && filter.account) return bytes_of(filter.account->uuid);
  if (kind == RollUp::key && filter.key) return bytes_of(filter.key->uuid);
  if (kind == RollUp::model) return filter.model;
  return std::nullopt;
}

constexpr std::int64_t number_of(RollUp kind) { return static_cast<std::int64_t>(kind); }

base::Result<Rows> start(Database& database, std::string_view all, std::string_view one, RollUp kind,
                         const UsageFilter& filter, Steps steps) {
  const auto name = name_wanted(kind, filter);
  if (!name) return database.query(all, number_of(kind), steps.from, steps.to);
  return database.query(one, number_of(kind), steps.from, steps.to, Blob{*name});
}

std::string take_name(Rows& rows, RollUp kind) {
  return step_of(kind) == events::UsageStep::day ? id_name(rows.take_uuid()) : rows.take_blob();
}

}  // namespace

std::optional<RollUp> rollup_for(const UsageFilter& filter, UsageGroup group) {
  const int asked = (filter.account ? 1 : 0) + (filter.key ? 1 : 0) + (filter.model ? 1 : 0);
  if (filter.tag || asked > 1) return std::nullopt;
  if (asked == 1) {
    const RollUp of = filter.account ? RollUp::account : filter.key ? RollUp::key : RollUp::model;
    const UsageGroup same = filter.account ? UsageGroup::account : filter.key ? UsageGroup::key : UsageGroup::model;
    const bool fits = group == UsageGroup::total || group == UsageGroup::day || group == same;
    return fits ? std::optional(of) : std::nullopt;
  }
  switch (group) {
    case UsageGroup::total:
    case UsageGroup::day: return RollUp::total;
    case UsageGroup::account: return RollUp::account;
    case UsageGroup::key: return RollUp::key;
    case UsageGroup::model: return RollUp::model;
    case UsageGroup::upstream: return RollUp::upstream;
    case UsageGroup::route: return RollUp::route;
    case UsageGroup::reason: return RollUp::reason;
    case UsageGroup::tag: break;
  }
  return std::nullopt;
}

base::Status show_rolled_up(Database& database, RollUp kind, const UsageFilter& filter, Steps steps,
                            const SeeRolledUp& see) {
  TRY(Rows rows, start(database,
                       "SELECT at, name, requests, refusals, input_tokens, output_tokens, unknown_usage, cost "
                       "FROM usage_rollups WHERE kind = ? AND at >= ? AND at < ?",
                       "SELECT at, name, requests, refusals, input_tokens, output_tokens, unknown_usage, cost "
                       "FROM usage_rollups WHERE kind = ? AND at >= ? AND at < ? AND name = ?",
                       kind, filter, steps));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return {};
    RolledUp one{.at = rows.take_time(), .name = take_name(rows, kind), .sum = {}};
    one.sum = {.group = {},
               .requests = rows.take_integer(),
               .refusals = rows.take_integer(),
               .input_tokens = rows.take_integer(),
               .output_tokens = rows.take_integer(),
               .unknown_usage = rows.take_integer(),
               .cost = rows.take_money()};
    see(one);
  }
}

base::Status add_rolled_up(Database& database, RollUp kind, const UsageFilter& filter, Steps steps, UsageGroup group,
                           LatencySums& sums) {
  TRY(Rows rows,
      start(database, "SELECT name, durations, first_bytes FROM usage_latencies WHERE kind = ? AND at >= ? AND at < ?",
            "SELECT name, durations, first_bytes FROM usage_latencies WHERE kind = ? AND at >= ? AND at < ? "
            "AND name = ?",
            kind, filter, steps));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return {};
    const std::string name = rows.take_blob();
    events::UsageLatency& latency = sums.at(group == UsageGroup::total ? std::string_view() : std::string_view(name));
    TRY_STATUS(add_packed(latency.duration, rows.borrow_blob()));
    TRY_STATUS(add_packed(latency.first_byte, rows.borrow_blob()));
  }
}

void RollUps::Counted::add(const Counted& other) {
  add_to(sum, other.sum);
  durations.add(other.durations);
  first_bytes.add(other.first_bytes);
}

std::size_t RollUps::RowHash::operator()(const Row& row) const {
  return hash_of(row.name) + static_cast<std::size_t>(row.at / 3'600'000) * 31 + static_cast<std::size_t>(row.kind);
}

std::size_t RollUps::PlaceHash::operator()(const Place& place) const {
  auto hash = static_cast<std::size_t>(place.hour / 3'600'000) * 8 + static_cast<std::size_t>(place.kind);
  hash = hash * 0x9E37'79B9'7F4A'7C15 + place.place;
  return hash ^ hash >> 32;
}

base::Status RollUps::take(const SegmentReader& segment) {
  const SegmentReader::Packed& record = segment.packed();
  TRY(const auto manner, segment.manner());
  const std::int64_t hour = store::step_of(record.started, events::UsageStep::hour).ms;
  const Countable counted{record.outcome, record.usage, record.cost};
  const std::string_view reason = reason_of(record.outcome, manner.error);
  if (!reason.empty()) add_to(rows_[{.kind = RollUp::reason, .at = hour, .name = std::string(reason)}].sum, counted);
  for (const Place place : {Place{RollUp::model, record.model, hour}, Place{RollUp::upstream, record.upstream, hour},
                            Place{RollUp::route, manner.route, hour}}) {
    Counted& of_place = of_segment_[place];
    add_to(of_place.sum, counted);
    if (!is_timed(record.outcome)) continue;
    of_place.durations.add(manner.duration_us);
    if (manner.first_byte_us > 0) of_place.first_bytes.add(manner.first_byte_us);
  }
  return {};
}

void RollUps::end(const SegmentReader& segment) {
  for (const auto& [place, counted] : of_segment_) {
    rows_[{.kind = place.kind, .at = place.hour, .name = std::string(segment.text_at(place.place))}].add(counted);
    // Every record has one model: together they are all.
    if (place.kind == RollUp::model) rows_[{.kind = RollUp::total, .at = place.hour, .name = {}}].add(counted);
  }
  of_segment_.clear();
}

void RollUps::take(std::int64_t day, const base::Uuid& account, const base::Uuid& key, const UsageSum& sum) {
  const std::int64_t at = day * ms_per_day;
  add_to(rows_[{.kind = RollUp::account, .at = at, .name = bytes_of(account)}].sum, sum);
  add_to(rows_[{.kind = RollUp::key, .at = at, .name = bytes_of(key)}].sum, sum);
}

base::Status RollUps::write(Database& database) {
  // In the order of the table, so that each of its pages is met once.
  std::vector<const std::pair<const Row, Counted>*> rows;
  rows.reserve(rows_.size());
  for (const auto& entry : rows_) rows.push_back(&entry);
  std::ranges::sort(rows, {}, [](const auto* entry) -> const Row& { return entry->first; });
  for (const auto* const entry : rows) {
    const auto& [row, counted] = *entry;
    const UsageSum& sum = counted.sum;
    TRY_STATUS(
        database.run("INSERT INTO usage_rollups (kind, at, name, requests, refusals, input_tokens, output_tokens, "
                     "unknown_usage, cost) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET "
                     "requests = requests + ?4, refusals = refusals + ?5, "
                     "input_tokens = min(9223372036854775807, input_tokens + ?6), "
                     "output_tokens = min(9223372036854775807, output_tokens + ?7), "
                     "unknown_usage = unknown_usage + ?8, cost = min(9223372036854775807, cost + ?9)",
                     number_of(row.kind), row.at, Blob{row.name}, sum.requests, sum.refusals, sum.input_tokens,
                     sum.output_tokens, sum.unknown_usage, sum.cost));
    if (has_latencies(row.kind) && counted.durations.count() > 0) TRY_STATUS(write_latency(database, row, counted));
  }
  rows_.clear();
  return {};
}

base::Status RollUps::write_latency(Database& database, const Row& row, const Counted& counted) {
  LatencyHistogram durations = counted.durations, first_bytes = counted.first_bytes;
  {
    TRY(Rows rows, database.query("SELECT durations, first_bytes FROM usage_latencies WHERE kind = ? AND at = ? "
                                  "AND name = ?",
                                  number_of(row.kind), row.at, Blob{row.name}));
    TRY(const bool found, rows.next());
    if (found) {
      TRY_STATUS(add_packed(durations, rows.borrow_blob()));
      TRY_STATUS(add_packed(first_bytes, rows.borrow_blob()));
    }
  }
  const std::string packed_durations = packed(durations), packed_first_bytes = packed(first_bytes);
  TRY_STATUS(
      database.run("INSERT INTO usage_latencies (kind, at, name, durations, first_bytes) VALUES (?1, ?2, ?3, ?4, ?5) "
                   "ON CONFLICT DO UPDATE SET durations = ?4, first_bytes = ?5",
                   number_of(row.kind), row.at, Blob{row.name}, Blob{packed_durations}, Blob{packed_first_bytes}));
  return {};
}

base::Status roll_up_all(Database& database) {
  std::vector<std::pair<std::int64_t, std::int64_t>> folds;
  {
    TRY(Rows rows, database.query("SELECT first_segment, last_segment FROM usage_folds ORDER BY first_segment"));
    for (;;) {
      TRY(const bool found, rows.next());
      if (!found) break;
      const std::int64_t first = rows.take_integer();
      folds.emplace_back(first, rows.take_integer());
    }
  }
  RollUps rollups;
  for (const auto& [first, last] : folds) {
    for (std::int64_t number = first; number <= last; ++number)
      TRY_STATUS(read_segment(database, number, [&](SegmentReader& segment) -> base::Status {
        for (;;) {
          TRY(const bool another, segment.next());
          if (!another) break;
          TRY_STATUS(rollups.take(segment));
          const SegmentReader::Packed& record = segment.packed();
          UsageSum sum;
          add_to(sum, {record.outcome, record.usage, record.cost});
          rollups.take(day_of(record.started), segment.id_at(record.account), segment.id_at(record.key), sum);
        }
        rollups.end(segment);
        return {};
      }));
    TRY_STATUS(rollups.write(database));
  }
  return {};
}

}  // namespace store::sqlite
