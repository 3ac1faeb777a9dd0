#include "quota/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "journal/records.h"
#include "quota/restore.h"
#include "quota/unresolved.h"

namespace quota {
namespace {

using journal::FoundRecord;
using journal::Kind;

events::UsageRecord of_open(const journal::ReserveRecord& reserve) {
  events::UsageRecord record;
  record.id = reserve.exchange;
  record.started = reserve.stamp;
  record.account = reserve.account;
  record.key = reserve.key;
  record.route = reserve.route;
  record.upstream = reserve.upstream;
  record.model = reserve.model;
  record.price_version = reserve.price_version;
  record.tags = reserve.tags;
  record.stream = reserve.stream;
  record.estimate = reserve.estimate;
  mark_crashed(record);
  for (const journal::ReservedHold& hold : reserve.holds)
    record.holds.push_back({.limit = hold.limit,
                            .label = hold.label,
                            .reserved = hold.amount,
                            .unresolved = hold.amount,
                            .lease_epoch = hold.lease_epoch});
  return record;
}

// Goes through the records of all workers in the order of their journals.
class Replay {
 public:
  explicit Replay(const LeftBehind& left) : left_(left) {}

  base::Status see(const FoundRecord& found) {
    switch (found.kind) {
      case Kind::reserve:
      case Kind::extend:
      case Kind::carried: {
        TRY(const auto reserve, journal::decode_reserve(found.payload));
        // Beyond a hole an end may stand before what was carried on from it.
        if (!ended_.contains(reserve.exchange)) open_.insert_or_assign(reserve.exchange, of_open(reserve));
        return {};
      }
      case Kind::settle: {
        TRY(auto settle, journal::decode_settle(found.payload));
        end(settle.id);
        if (found.sequence > mark_of(found.worker)) settled_.push_back(std::move(settle));
        return {};
      }
      case Kind::release: {
        TRY(const auto release, journal::decode_release(found.payload));
        end(release.exchange);
        return {};
      }
      default: return {};
    }
  }

  Findings findings() && {
    Findings findings{.records = std::move(settled_), .open = open_.size(), .doubt = {}};
    for (auto& [exchange, record] : open_) findings.records.push_back(std::move(record));
    return findings;
  }

 private:
  void end(base::ExchangeId exchange) {
    open_.erase(exchange);
    ended_.insert(exchange);
  }
  std::uint64_t mark_of(std::uint32_t worker) const { return worker < left_.marks.size() ? left_.marks[worker] : 0; }

  const LeftBehind& left_;
  std::vector<events::UsageRecord> settled_;
  std::map<base::ExchangeId, events::UsageRecord> open_;
  std::unordered_set<base::ExchangeId> ended_;
};

}  // namespace

journal::Owner owner_of(const LeftBehind& left, std::int64_t incarnation) {
  return {.store = left.store, .node = left.node, .incarnation = incarnation};
}

base::Result<Findings> read_findings(journal::Disk& disk, const journal::Owner& owner, const LeftBehind& left) {
  Findings findings;
  TRY_STATUS(read_findings(disk, owner, left, findings));
  return findings;
}

base::Result<journal::Report> read_findings(journal::Disk& disk, const journal::Owner& owner, const LeftBehind& left,
                                            Findings& findings) {
  Replay replay(left);
  TRY(auto report, journal::read_journals(disk, owner, [&](const FoundRecord& found) { return replay.see(found); }));
  findings = std::move(replay).findings();
  std::vector<journal::Sequence> marks = left.marks;
  marks.resize(std::max(marks.size(), report.journals.size()));  // a worker that has flushed nothing has no mark
  findings.doubt = report.doubt(marks);
  return report;
}

base::Result<Journals> open_journals(Store& store, journal::Disk* disk, std::uint32_t workers, base::WallTime now,
                                     const journal::Options& options, journal::Calls calls) {
  Journals journals;
  if (disk == nullptr) {
    TRY(journals.recovery, store.open_incarnation(now));
    return journals;
  }
  TRY(const LeftBehind left, store.left_behind());
  Findings findings;
  TRY(const auto report, read_findings(*disk, owner_of(left, left.incarnation), left, findings));
  if (const std::string behind = why_behind(report, left); !behind.empty())
    return base::fail(base::ErrorType::conflict,
                      fmt::format("the store is older than its journals, as one that was put back from a backup is: "
                                  "{}. What was spent since is not in it. 'metergate restore --accept' books what the "
                                  "journals still have and holds the rest as unresolved",
                                  behind),
                      {}, base::Source::store);
  journals.open_exchanges = findings.open;
  TRY(journals.recovery,
      store.recover(now, {.incarnation = left.incarnation, .records = findings.records, .doubt = findings.doubt}));
  if (journals.recovery.unaccounted_leases > 0) journals.doubt = findings.doubt;

  // The store has closed the last incarnation for ever: what its journals say counts no more.
  TRY_STATUS(journal::discard_journals(*disk, owner_of(left, left.incarnation)));
  TRY(journals.journal,
      journal::Journal::open(*disk, owner_of(left, journals.recovery.incarnation), workers, options, std::move(calls)));
  return journals;
}

}  // namespace quota
