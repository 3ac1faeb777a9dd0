#include "store/sqlite/opening_scan.h"

#include <limits>
#include <utility>

#include "store/sqlite/unresolved.h"
#include "store/sqlite/usage_segment.h"

namespace store::sqlite {
namespace {

base::Result<Opening::Scope> scope_of(Database& database, const catalog::Limit& limit) {
  Opening::Scope scope;
  {
    TRY(Rows rows, database.query("SELECT id, unit FROM limits"));
    for (;;) {
      TRY(const bool found, rows.next());
      if (!found) break;
      const auto id = rows.take_id<base::LimitId>();
      TRY(const auto unit, catalog::limit_unit_from(rows.take_text()));
      scope.units.emplace(id, unit);
    }
  }
  if (const auto* const key = std::get_if<base::KeyId>(&limit.subject)) {
    scope.key = *key;
    TRY(Rows rows, database.query("SELECT account_id FROM keys WHERE id = ?", *key));
    TRY(const bool found, rows.next());
    if (found) scope.payer = rows.take_id<base::AccountId>();
    return scope;
  }
  scope.payer = std::get<base::AccountId>(limit.subject);
  TRY(Rows rows, database.query("WITH RECURSIVE below (id) AS (SELECT ?1 UNION "
                                "SELECT accounts.id FROM accounts JOIN below ON accounts.parent_id = below.id) "
                                "SELECT id FROM below",
                                scope.payer));
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return scope;
    scope.accounts.insert(rows.take_id<base::AccountId>());
  }
}

// What the segment's tables say of whom and what the limit is for, asked once a segment.
class Places {
 public:
  Places(const Opening& opening, const SegmentReader& segment) : opening_(opening), segment_(segment) {
    models_.resize(segment.count_of_texts(), unknown);
  }
  bool may_count(const SegmentReader::Packed& record) {
    if (!opening_.may_count(base::AccountId{segment_.id_at(record.account)}, base::KeyId{segment_.id_at(record.key)},
                            record.started))
      return false;
    if (record.outcome == events::Outcome::unaccounted) return true;  // it names no model
    char& known = models_[record.model];
    if (known == unknown) known = opening_.may_count(segment_.text_at(record.model)) ? yes : no;
    return known == yes;
  }

 private:
  static constexpr char unknown = 0, yes = 1, no = 2;
  const Opening& opening_;
  const SegmentReader& segment_;
  std::vector<char> models_;
};

}  // namespace

base::Result<std::int64_t> last_full_segment(Database& database) {
  TRY(Rows rows, database.query("SELECT coalesce(max(number), 1) - 1 FROM usage_segments"));
  TRY_STATUS(rows.next());
  return rows.take_integer();
}

base::Result<OpeningScan> OpeningScan::begin(Database& database, const catalog::Limit& limit, base::WallTime now) {
  TRY(auto scope, scope_of(database, limit));
  const bool plain = !scope.units.contains(limit.id) && limit.filter.route.empty() && limit.filter.tag.empty();
  return OpeningScan(Opening(limit, std::move(scope), now), plain);
}

base::Status OpeningScan::read_on(Database& database, std::int64_t last) {
  TRY(Rows segments, database.query("SELECT number FROM usage_segments WHERE last_started >= ? AND first_started < ? "
                                    "AND number > ? AND number <= ?",
                                    opening_.from(), opening_.to(), through_, last));
  for (;;) {
    TRY(const bool found, segments.next());
    if (!found) break;
    TRY_STATUS(read_segment(database, segments.take_integer(), [&](SegmentReader& segment) -> base::Status {
      Places places(opening_, segment);
      for (;;) {
        TRY(const bool another, segment.next());
        if (!another) return {};
        const SegmentReader::Packed& packed = segment.packed();
        if (!places.may_count(packed)) continue;
        if (plain_ && packed.outcome == events::Outcome::served && packed.usage &&
            packed.usage->certainty == meter::Certainty::exact) {
          opening_.add_served(packed.started, segment.text_at(packed.model), packed.cost, *packed.usage);
          continue;
        }
        TRY(const auto record, segment.record());
        if (quota::is_unresolved(record) && record.outcome != events::Outcome::opened) {
          items_.push_back(record.id);
        } else {
          opening_.add(record);
        }
      }
    }));
  }
  through_ = last;
  return {};
}

base::Status OpeningScan::finish(Database& database) {
  plain_ = false;  // what was under way while the limit came into being names it
  TRY_STATUS(read_on(database, std::numeric_limits<std::int64_t>::max()));
  for (const base::ExchangeId id : items_) {
    TRY(Rows rows,
        database.query("SELECT id, since, record, verdict, reason, correction FROM unresolved WHERE id = ?", id));
    TRY(const bool found, rows.next());
    if (!found)
      return base::fail(base::ErrorType::unavailable,
                        "the usage log has an unresolved record that the table of what is unresolved has not; "
                        "'metergate doctor' says more",
                        {}, base::Source::store);
    TRY(const auto item, take_unresolved(rows));
    opening_.add(item);
  }
  return {};
}

}  // namespace store::sqlite
