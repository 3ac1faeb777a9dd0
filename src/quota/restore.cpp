#include "quota/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "quota/counting.h"
#include "quota/recovery.h"

namespace quota {
namespace {

// What the journals of one incarnation do not have of what it settled since the store's marks; empty: they have it all.
std::string gap_of(const journal::Report& report, std::span<const std::uint64_t> marks, std::int64_t incarnation) {
  if (report.journals.empty()) return fmt::format("there are no journals of incarnation {}", incarnation);
  if (!report.same_boot) return "the machine was started anew, and the last of what was written may be lost";
  if (!report.defects.empty()) return report.defects.front();
  for (const journal::JournalReport& journal : report.journals) {
    if (!journal.defects.empty()) return fmt::format("journal {}: {}", journal.worker, journal.defects.front());
    const std::uint64_t mark = journal.worker < marks.size() ? marks[journal.worker] : 0;
    if (journal.before > mark)
      return fmt::format("{} records of journal {} were flushed to the store that is gone, and used again",
                         journal.before - mark, journal.worker);
  }
  return {};
}

// Holds all that a counter has left.
events::UsageRecord held(const CounterQuery& of, std::int64_t left, base::Random& random) {
  events::UsageRecord record;
  record.id = base::ExchangeId::create(of.at, random);
  record.started = of.at;
  record.outcome = events::Outcome::unaccounted;
  record.holds = {
      {.limit = of.counter.limit, .label = of.counter.label, .reserved = left, .spent = 0, .unresolved = left}};
  return record;
}

// Everything that is left of the hard limits in the window of `now`, and of the balances, as unaccounted.
base::Result<std::vector<events::UsageRecord>> hold_all(Store& store, const catalog::Snapshot& snapshot,
                                                        base::WallTime now, base::Random& random) {
  std::vector<events::UsageRecord> records;
  for (const catalog::Limit& limit : snapshot.limits()) {
    if (!limit.leased()) continue;
    const CounterQuery query = query_of(limit.id, limit.window, base::window_at(limit.window, now), now);
    TRY(const auto states, store.read(std::span(&query, 1)));
    const std::int64_t left = states.front().grantable();
    if (left == 0) continue;
    events::UsageRecord record = held(query, left, random);
    if (const auto* const key = std::get_if<base::KeyId>(&limit.subject)) {
      record.key = *key;
      record.account = snapshot.find_key(*key)->key->account;
    } else {
      record.account = std::get<base::AccountId>(limit.subject);
    }
    records.push_back(std::move(record));
  }
  for (const catalog::Grant& grant : snapshot.grants()) {
    if (!grant.usable_at(now)) continue;
    // A request of nothing: what other grants are below zero is made good first, and is held but once so.
    const GrantRequest request{.of = {.counter = {catalog::counter_of(grant.id), {}}, .at = now}};
    TRY(const auto grants, store.grant(std::span(&request, 1)));
    const std::int64_t left = grants.front().state.grantable();
    if (left == 0) continue;
    records.push_back(held(request.of, left, random));
    records.back().account = grant.account;
  }
  return records;
}

}  // namespace

std::string why_behind(const journal::Report& report, const LeftBehind& left) {
  if (const auto later = std::ranges::max_element(report.other_incarnations);
      later != report.other_incarnations.end() && *later > left.incarnation)
    return fmt::format("its last process is number {}, and there are journals of number {}", left.incarnation, *later);
  if (report.store_commit > left.commit)
    return fmt::format("it has made {} commits, and the journals know of {}", left.commit, report.store_commit);
  return {};
}

base::Result<std::string> why_behind(journal::Disk& disk, const LeftBehind& left) {
  TRY(const auto report,
      journal::read_journals(
          disk, owner_of(left, left.incarnation), [](const journal::FoundRecord&) { return base::Status(); }));
  return why_behind(report, left);
}

base::Result<Accepted> accept_restored(Store& store, journal::Disk& disk, const catalog::Snapshot& snapshot,
                                       base::WallTime now, base::Random& random) {
  TRY(LeftBehind left, store.left_behind());
  Accepted accepted;
  TRY(accepted.behind, why_behind(disk, left));
  if (accepted.behind.empty())
    return base::fail(base::ErrorType::conflict, "the store is not behind its journals; there is nothing to accept", {},
                      base::Source::client);

  // Every incarnation since the store's last one, oldest first; one that left no journal is a gap.
  std::vector<events::UsageRecord> evidence;
  std::int64_t last = left.incarnation;
  for (std::int64_t incarnation = left.incarnation; incarnation <= last; ++incarnation) {
    Findings findings;
    TRY(const auto report, read_findings(disk, owner_of(left, incarnation), left, findings));
    for (const std::int64_t other : report.other_incarnations) last = std::max(last, other);
    if (accepted.gap.empty()) accepted.gap = gap_of(report, left.marks, incarnation);
    std::ranges::move(findings.records, std::back_inserter(evidence));
    accepted.open_exchanges += findings.open;
    left.marks.clear();  // of later ones the store has nothing
  }
  TRY(accepted.recovery, store.recover(now, {.incarnation = left.incarnation,
                                             .records = evidence,
                                             .doubt = "the store was put back from a backup",
                                             .seen_incarnation = last}));
  if (!accepted.gap.empty()) {
    TRY(const auto held, hold_all(store, snapshot, now, random));
    TRY_STATUS(store.flush({.records = events::pointers_to(held), .returns = {}}));
    accepted.held_limits = held.size();
  }
  TRY_STATUS(journal::discard_journals(disk, owner_of(left, last)));
  return accepted;
}

}  // namespace quota
