#include "store/sqlite/opening_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "store/sqlite/unresolved.h"
#include "store/sqlite/usage_fold.h"
#include "store/sqlite/usage_retention.h"
#include "store/sqlite/usage_segment.h"
#include "store/usage_sums.h"

namespace store::sqlite {
namespace {

std::optional<base::AccountId> take_parent(Rows& rows) {
  const auto parent = rows.take_id<base::AccountId>();
  return parent.is_nil() ? std::nullopt : std::optional(parent);
}

base::Result<std::vector<Move>> moves_in(Database& database) {
  TRY(Rows rows, database.query("SELECT account_id, parent_id, at, until FROM account_moves ORDER BY rowid"));
  std::vector<Move> moves;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return moves;
    Move& move = moves.emplace_back();
    move.account = rows.take_id<base::AccountId>();
    move.parent = take_parent(rows);
    move.at = rows.take_time();
    move.until = rows.take_time();
  }
}

base::Result<Members> members_of(Database& database, base::AccountId top) {
  TRY(const std::vector<Move> moves, moves_in(database));
  TRY(Rows rows,
      database.query("WITH RECURSIVE below (id) AS (SELECT ?1 UNION "
                     "SELECT accounts.id FROM accounts JOIN below ON accounts.parent_id = below.id UNION "
                     "SELECT account_id FROM account_moves JOIN below ON account_moves.parent_id = below.id) "
                     "SELECT id, (SELECT parent_id FROM accounts WHERE accounts.id = below.id) FROM below",
                     top));
  std::set<base::AccountId> all;
  Members::Parents parents;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) break;
    const auto id = rows.take_id<base::AccountId>();
    if (moves.empty())
      all.insert(id);
    else
      parents.emplace(id, take_parent(rows));
  }
  return moves.empty() ? Members(std::move(all)) : Members::of(top, parents, moves);
}

base::Result<Opening::Scope> scope_of(Database& database, const catalog::Limit& limit) {
  Opening::Scope scope;
  if (const auto* const key = std::get_if<base::KeyId>(&limit.subject)) {
    scope.key = *key;
    TRY(Rows rows, database.query("SELECT account_id, created FROM keys WHERE id = ?", *key));
    TRY(const bool found, rows.next());
    if (!found) return scope;
    scope.payer = rows.take_id<base::AccountId>();
    scope.since = rows.take_time();
    return scope;
  }
  scope.payer = std::get<base::AccountId>(limit.subject);
  TRY(scope.accounts, members_of(database, scope.payer));
  TRY(Rows rows, database.query("SELECT created FROM accounts WHERE id = ?", scope.payer));
  TRY(const bool found, rows.next());
  if (found) scope.since = rows.take_time();
  return scope;
}

}  // namespace

// What the segment's tables say of whom and what the limits are for, asked once a segment.
class OpeningScan::Places {
 public:
  Places(const OpeningScan& scan, const SegmentReader& segment) : scan_(scan), segment_(segment) {
    accounts_.resize(segment.count_of_ids());
    keys_.resize(segment.count_of_ids());
    models_.resize(segment.count_of_texts() * scan.openings_.size(), unknown);
  }
  // Shows `count` each opening that the record may count for.
  template <class Count>
  void visit(const SegmentReader::Packed& record, const Count& count) {
    for (const std::size_t opening : *known(accounts_[record.account], scan_.index_.of_account, record.account))
      if (may_count(opening, record) && was_there(opening, record)) count(opening);
    for (const std::size_t opening : *known(keys_[record.key], scan_.index_.of_key, record.key))
      if (may_count(opening, record)) count(opening);
  }

 private:
  template <class Map>
  const std::vector<std::size_t>* known(const std::vector<std::size_t>*& place, const Map& map, std::uint32_t id) {
    static const std::vector<std::size_t> none;
    if (place == nullptr) {
      const auto found = map.find(typename Map::key_type{segment_.id_at(id)});
      place = found == map.end() ? &none : &found->second;
    }
    return place;
  }
  bool was_there(std::size_t of, const SegmentReader::Packed& record) {
    const Opening& opening = scan_.openings_[of];
    // What is not plain may name the limit, which only the whole record says.
    return !scan_.plain_ || !opening.scope().accounts.any_moved() ||
           opening.may_count(base::AccountId{segment_.id_at(record.account)}, record.started);
  }
  bool may_count(std::size_t of, const SegmentReader::Packed& record) {
    const Opening& opening = scan_.openings_[of];
    if (!opening.may_count(record.started)) return false;
    if (record.outcome == events::Outcome::unaccounted) return true;  // it names no model
    char& known = models_[segment_.count_of_texts() * of + record.model];
    if (known == unknown) known = opening.may_count(segment_.text_at(record.model)) ? yes : no;
    return known == yes;
  }

  static constexpr char unknown = 0, yes = 1, no = 2;
  const OpeningScan& scan_;
  const SegmentReader& segment_;
  std::vector<const std::vector<std::size_t>*> accounts_, keys_;  // by the place of their id; nullptr: not asked yet
  std::vector<char> models_;
};

base::Result<std::int64_t> last_full_segment(Database& database) {
  TRY(Rows rows, database.query("SELECT coalesce(max(number), 1) - 1 FROM usage_segments"));
  TRY_STATUS(rows.next());
  return rows.take_integer();
}

base::Result<OpeningScan> OpeningScan::begin(Database& database, const catalog::Changes& changes, base::WallTime now) {
  OpeningScan scan;
  TRY(const auto units, units_of(database));
  TRY(scan.dropped_, read_dropped(database));
  for (const catalog::Limit& limit : changes.opened) {
    TRY(auto scope, scope_of(database, limit));
    scope.units = units;
    const bool named = limit.unit == catalog::LimitUnit::named;
    if (named) scope.weights = changes.weights;
    scan.plain_ =
        scan.plain_ && !named && !units->contains(limit.id) && limit.filter.route.empty() && limit.filter.tag.empty();
    const std::size_t place = scan.openings_.size();
    if (scope.key) scan.index_.of_key[*scope.key].push_back(place);
    for (const base::AccountId account : scope.accounts.all()) scan.index_.of_account[account].push_back(place);
    const Opening& opening = scan.openings_.emplace_back(limit, std::move(scope), now);
    if (scan.dropped_.kept_from) TRY_STATUS(opening.check_kept(*scan.dropped_.kept_from));
  }
  return scan;
}

bool OpeningScan::fits(const OpeningScan& other) const {
  return dropped_ == other.dropped_ &&
         std::ranges::equal(openings_, other.openings_, {}, &Opening::counter, &Opening::counter);
}

base::Status OpeningScan::read_on(Database& database, std::int64_t last) {
  base::WallTime from = base::far_future, to{};
  for (const Opening& opening : openings_) {
    from = std::min(from, opening.from());
    to = std::max(to, opening.to());
  }
  TRY(Rows segments, database.query(fmt::format("SELECT number FROM usage_segments WHERE last_started >= ? "
                                                "AND first_started < ? AND number > ? AND number <= ? AND {}",
                                                segment_is_kept),
                                    from, to, through_, last));
  for (;;) {
    TRY(const bool found, segments.next());
    if (!found) break;
    TRY_STATUS(
        read_segment(database, segments.take_integer(), [&](SegmentReader& segment) { return read_on(segment); }));
  }
  through_ = last;
  return {};
}

base::Status OpeningScan::read_on(SegmentReader& segment) {
  Places places(*this, segment);
  std::vector<std::size_t> counting;
  for (;;) {
    TRY(const bool another, segment.next());
    if (!another) return {};
    const SegmentReader::Packed& packed = segment.packed();
    counting.clear();
    places.visit(packed, [&](std::size_t opening) { counting.push_back(opening); });
    if (counting.empty()) continue;
    if (plain_ && packed.outcome == events::Outcome::served && packed.usage &&
        packed.usage->certainty == meter::Certainty::exact) {
      for (const std::size_t opening : counting)
        openings_[opening].add_served(packed.started, segment.text_at(packed.model), packed.cost, *packed.usage);
      continue;
    }
    TRY(const auto record, segment.record());
    const bool is_item = quota::is_unresolved(record) && record.outcome != events::Outcome::opened;
    for (const std::size_t opening : counting)
      if (is_item)
        items_.emplace_back(opening, record.id);
      else
        openings_[opening].add(record);
  }
}

base::Status OpeningScan::finish(Database& database) {
  plain_ = false;  // what was under way while the limits came into being names them
  TRY_STATUS(read_on(database, std::numeric_limits<std::int64_t>::max()));
  for (const auto& [opening, id] : items_) {
    TRY(Rows rows,
        database.query("SELECT id, since, record, verdict, reason, correction FROM unresolved WHERE id = ?", id));
    TRY(const bool found, rows.next());
    if (!found)
      return base::fail(base::ErrorType::unavailable,
                        "the usage log has an unresolved record that the table of what is unresolved has not; "
                        "'metergate doctor' says more",
                        {}, base::Source::store);
    TRY(const auto item, take_unresolved(rows));
    openings_[opening].add(item);
  }
  TRY_STATUS(add_what_was_dropped(database));
  return add_what_was_found_elsewhere(database);
}

base::Status OpeningScan::add_what_was_dropped(Database& database) {
  base::WallTime from = base::far_future, to{};
  for (const Opening& opening : openings_) {
    from = std::min(from, opening.from());
    to = std::max(to, opening.to());
  }
  const auto kept_from = dropped_.kept_from;
  if (!kept_from || from >= *kept_from) return {};
  TRY_STATUS(show_taken(database, day_of(from), day_of(to), [&](const TakenUsage& taken) {
    for (Opening& opening : openings_) opening.add(taken);
  }));
  TRY(Rows rows, database.query("SELECT id, since, record, verdict, reason, correction FROM unresolved"));
  for (;;) {
    TRY(const bool another, rows.next());
    if (!another) return {};
    TRY(const auto item, take_unresolved(rows));
    if (item.record.started >= *kept_from) continue;
    TRY(const auto segment, find_folded(database, item.record.id.uuid));
    if (!segment) continue;
    TRY(const bool kept, is_kept(database, *segment));
    for (Opening& opening : openings_)
      if (!kept && opening.may_count(item.record.started)) opening.add(item);
  }
}

// A lease that a crash left is in the log where it was found, which need not be in the window that it is of.
base::Status OpeningScan::add_what_was_found_elsewhere(Database& database) {
  const auto returns = [](const Opening& opening) { return opening.scope().units->contains(opening.counter().limit); };
  if (std::ranges::none_of(openings_, returns)) return {};
  TRY(Rows rows, database.query("SELECT id, since, record, verdict, reason, correction FROM unresolved"));
  for (;;) {
    TRY(const bool another, rows.next());
    if (!another) return {};
    TRY(const auto item, take_unresolved(rows));
    if (item.record.outcome != events::Outcome::unaccounted) continue;
    for (Opening& opening : openings_)
      if (returns(opening) && !opening.may_count(item.record.started)) opening.add(item);
  }
}

}  // namespace store::sqlite
