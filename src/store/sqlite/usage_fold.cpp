#include "store/sqlite/usage_fold.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <ranges>
#include <unordered_map>
#include <vector>

#include "base/assert.h"
#include "store/sqlite/usage_rollup.h"
#include "store/sqlite/usage_segment.h"
#include "store/usage_sums.h"

namespace store::sqlite {
namespace {

// An id and the segment of its record, counted from the first one of the fold. Compared as the ids' bytes are.
struct Entry {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint32_t segment = 0;
  bool operator<(const Entry& other) const { return high != other.high ? high < other.high : low < other.low; }
};
constexpr std::size_t uuid_bytes = sizeof(base::Uuid::bytes);
constexpr std::size_t entry_bytes = uuid_bytes + sizeof(Entry::segment);
constexpr std::size_t entries_a_block = 256;

Entry entry_of(const base::Uuid& id, std::uint32_t segment) {
  Entry entry{.segment = segment};
  std::memcpy(&entry.high, id.bytes.data(), sizeof entry.high);
  std::memcpy(&entry.low, id.bytes.data() + sizeof entry.high, sizeof entry.low);
  entry.high = __builtin_bswap64(entry.high);
  entry.low = __builtin_bswap64(entry.low);
  return entry;
}

base::Uuid id_of(const Entry& entry) {
  const std::uint64_t high = __builtin_bswap64(entry.high), low = __builtin_bswap64(entry.low);
  base::Uuid id;
  std::memcpy(id.bytes.data(), &high, sizeof high);
  std::memcpy(id.bytes.data() + sizeof high, &low, sizeof low);
  return id;
}

// Most ids of a fold begin with one of a few thousand times: dealing them out by these leaves little to sort.
constexpr int hand_bits = 13;
std::vector<Entry> sorted(const std::vector<Entry>& entries) {
  const auto [least, most] = std::ranges::minmax(entries | std::views::transform(&Entry::high));
  const int shift = std::max(0, static_cast<int>(std::bit_width(most - least)) - hand_bits);
  const auto hand_of = [&, first = least](const Entry& entry) { return (entry.high - first) >> shift; };
  std::vector<std::uint32_t> ends((1U << hand_bits) + 1, 0);
  for (const Entry& entry : entries) ++ends[hand_of(entry) + 1];
  for (std::size_t hand = 1; hand < ends.size(); ++hand) ends[hand] += ends[hand - 1];
  std::vector<Entry> dealt(entries.size());
  for (const Entry& entry : entries) dealt[ends[hand_of(entry)]++] = entry;
  auto begin = dealt.begin();
  for (std::size_t hand = 0; begin != dealt.end(); ++hand) {
    const auto end = dealt.begin() + ends[hand];
    if (end - begin > 1) std::sort(begin, end);
    begin = end;
  }
  return dealt;
}

// What a sum is kept for, in the order of the table.
struct Group {
  std::int64_t day = 0;
  base::Uuid account;
  base::Uuid key;
  std::string model;
  std::string upstream;
  auto operator<=>(const Group&) const = default;
};
struct GroupHash {
  std::size_t operator()(const Group& group) const {
    return static_cast<std::size_t>(group.day) + 3 * interner_hash(group.account) + 5 * interner_hash(group.key) +
           7 * hash_of(group.model) + 11 * hash_of(group.upstream);
  }
};
// The same as places in one segment.
struct PlacedGroup {
  std::int64_t day = 0;
  std::uint32_t account = 0, key = 0, model = 0, upstream = 0;
  bool operator==(const PlacedGroup&) const = default;
};
struct PlacedGroupHash {
  std::size_t operator()(const PlacedGroup& group) const {
    auto hash = static_cast<std::size_t>(group.day);
    for (const std::uint32_t place : {group.account, group.key, group.model, group.upstream})
      hash = hash * 0x9E37'79B9'7F4A'7C15 + place;
    return hash ^ hash >> 32;
  }
};

// What the segments of one fold say.
class Fold {
 public:
  explicit Fold(std::size_t count) { entries_.reserve(count); }

  base::Status take(SegmentReader& segment, std::uint32_t number) {
    std::unordered_map<PlacedGroup, events::UsageSum, PlacedGroupHash> sums;
    for (;;) {
      TRY(const bool another, segment.next());
      if (!another) break;
      const SegmentReader::Packed& record = segment.packed();
      entries_.push_back(entry_of(record.id.uuid, number));
      events::UsageSum& sum = sums[{day_of(record.started), record.account, record.key, record.model, record.upstream}];
      add_to(sum, {record.outcome, record.usage, record.cost});
      TRY_STATUS(rollups_.take(segment));
    }
    rollups_.end(segment);
    for (const auto& [group, sum] : sums) {
      events::UsageSum& total =
          sums_[{group.day, segment.id_at(group.account), segment.id_at(group.key),
                 std::string(segment.text_at(group.model)), std::string(segment.text_at(group.upstream))}];
      add_to(total, sum);
    }
    return {};
  }

  base::Status write(Database& database, std::int64_t first_segment, std::int64_t last_segment) {
    // In the order of the table, so that each of its pages is met once.
    std::vector<const std::pair<const Group, events::UsageSum>*> groups;
    for (const auto& entry : sums_) groups.push_back(&entry);
    std::ranges::sort(groups, {}, [](const auto* entry) -> const Group& { return entry->first; });
    for (const auto* const entry : groups) {
      const auto& [group, sum] = *entry;
      TRY_STATUS(write_sum(database, group, sum));
      rollups_.take(group.day, group.account, group.key, sum);
    }
    TRY_STATUS(rollups_.write(database));
    if (entries_.empty()) return {};
    entries_ = sorted(entries_);
    TRY_STATUS(
        database.run("INSERT INTO usage_folds (first_segment, last_segment, first_id, last_id) VALUES (?, ?, ?, ?)",
                     first_segment, last_segment, id_of(entries_.front()), id_of(entries_.back())));
    for (std::size_t at = 0; at < entries_.size(); at += entries_a_block)
      TRY_STATUS(write_block(database, first_segment,
                             std::span(entries_).subspan(at, std::min(entries_a_block, entries_.size() - at))));
    return {};
  }

 private:
  static base::Status write_sum(Database& database, const Group& group, const events::UsageSum& sum) {
    TRY(const std::int64_t updated,
        database.run("UPDATE usage_sums SET requests = requests + ?6, refusals = refusals + ?7, "
                     "input_tokens = min(9223372036854775807, input_tokens + ?8), "
                     "output_tokens = min(9223372036854775807, output_tokens + ?9), "
                     "unknown_usage = unknown_usage + ?10, cost = min(9223372036854775807, cost + ?11) "
                     "WHERE day = ?1 AND account_id = ?2 AND key_id = ?3 AND model = ?4 AND upstream = ?5",
                     group.day, group.account, group.key, group.model, group.upstream, sum.requests, sum.refusals,
                     sum.input_tokens, sum.output_tokens, sum.unknown_usage, sum.cost));
    if (updated == 1) return {};
    TRY_STATUS(
        database.run("INSERT INTO usage_sums (day, account_id, key_id, model, upstream, requests, refusals, "
                     "input_tokens, output_tokens, unknown_usage, cost) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     group.day, group.account, group.key, group.model, group.upstream, sum.requests, sum.refusals,
                     sum.input_tokens, sum.output_tokens, sum.unknown_usage, sum.cost));
    return {};
  }

  static base::Status write_block(Database& database, std::int64_t first_segment, std::span<const Entry> entries) {
    std::string bytes(entries.size() * entry_bytes, '\0');
    ByteWriter out(bytes.data());
    for (const Entry& entry : entries) {
      out.bytes(id_of(entry).bytes.data(), uuid_bytes);
      out.bytes(&entry.segment, sizeof entry.segment);
    }
    TRY_STATUS(database.run("INSERT INTO usage_ids (fold, first_id, entries) VALUES (?, ?, ?)", first_segment,
                            id_of(entries.front()), Blob{bytes}));
    return {};
  }

  std::vector<Entry> entries_;
  std::unordered_map<Group, events::UsageSum, GroupHash> sums_;
  RollUps rollups_;
};

// The segment, counted from the first of the fold, that a block has for an id.
base::Result<std::optional<std::int64_t>> find_in_block(std::string_view block, const base::Uuid& id) {
  if (block.size() % entry_bytes != 0)
    return base::fail(base::ErrorType::unavailable, "a block of usage_ids is damaged", {}, base::Source::store);
  std::size_t low = 0;
  for (std::size_t high = block.size() / entry_bytes; low < high;) {
    const std::size_t middle = (low + high) / 2;
    const char* const entry = block.data() + middle * entry_bytes;
    const int order = std::memcmp(entry, id.bytes.data(), uuid_bytes);
    if (order == 0) {
      std::uint32_t segment = 0;
      std::memcpy(&segment, entry + uuid_bytes, sizeof segment);
      return segment;
    }
    (order < 0 ? low : high) = order < 0 ? middle + 1 : middle;
  }
  return std::nullopt;
}

}  // namespace

base::Result<Folded> read_folded(Database& database) {
  TRY(auto rows, database.query("SELECT coalesce(max(last_segment), 0), max(last_id) FROM usage_folds"));
  TRY_STATUS(rows.next());
  return Folded{.through = rows.take_integer(), .last_id = rows.take_uuid()};
}

base::Status fold(Database& database, std::int64_t last, std::size_t count) {
  TRY(const Folded before, read_folded(database));
  const std::int64_t first = before.through + 1;
  ASSERT(first <= last);
  Fold fold(count);
  for (std::int64_t number = first; number <= last; ++number) {
    auto taken = read_segment(database, number, [&](SegmentReader& segment) {
      return fold.take(segment, static_cast<std::uint32_t>(number - first));
    });
    TRY_STATUS(std::move(taken));
  }
  return fold.write(database, first, last);
}

base::Result<std::optional<std::int64_t>> find_folded(Database& database, const base::Uuid& id) {
  TRY(auto rows, database.query("SELECT first_segment, (SELECT entries FROM usage_ids WHERE fold = first_segment "
                                "AND usage_ids.first_id <= ?1 ORDER BY usage_ids.first_id DESC LIMIT 1) "
                                "FROM usage_folds WHERE last_id >= ?1 AND first_id <= ?1",
                                id));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return std::nullopt;
    const std::int64_t first_segment = rows.take_integer();
    TRY(const auto segment, find_in_block(rows.borrow_blob(), id));
    if (segment) return first_segment + *segment;
  }
}

}  // namespace store::sqlite
