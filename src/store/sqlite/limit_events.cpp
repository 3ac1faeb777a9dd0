// The events of limits: written by the flush that crosses a threshold, read back through the reader.
#include <algorithm>

#include "store/sqlite/enum_text.h"
#include "store/sqlite/sqlite_store.h"

namespace store {

using sqlite::Rows;

base::Result<std::vector<events::LimitEvent>> SqliteStore::cross_thresholds_of(
    std::span<const events::UsageRecord* const> fresh, base::WallTime now, std::span<const quota::CounterKey> also) {
  std::vector<events::LimitEvent> fired;
  TRY(const auto* const watched, watched_limits());
  if (watched->empty()) return fired;
  std::map<quota::CounterKey, std::int64_t> added;
  for (const quota::CounterKey& counter : also)
    if (watched->contains(counter.limit)) added.try_emplace(counter, 0);
  for (const events::UsageRecord* const record : fresh)
    for (const events::Hold& hold : record->holds)
      if (const auto limit = watched->find(hold.limit); limit != watched->end())
        added[{hold.limit, hold.label}] += counted(hold, counter_at(limit->second, hold.label, now));

  for (const auto& [key, amount] : added) {
    const catalog::Limit& limit = watched->at(key.limit);
    TRY(const quota::CounterState state, state_of(counter_at(limit, key.label, now)));
    TRY(Crossed crossed, crossed_of(key));
    const Crossed before = crossed;
    const auto events = cross_thresholds(limit, key.label, {state.spent - amount, state.spent}, now, crossed);
    for (const events::LimitEvent& event : events)
      TRY_STATUS(
          writer_.run("INSERT INTO limit_events (at, limit_id, label, percent, action, amount, spent) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?)",
                      event.at, event.limit, event.label, static_cast<std::int64_t>(event.threshold.percent),
                      to_string(event.threshold.action), event.amount, event.spent));
    TRY_STATUS(write_crossed(key, before, crossed));
    fired.insert(fired.end(), events.begin(), events.end());
  }
  return fired;
}

base::Result<Crossed> SqliteStore::crossed_of(const quota::CounterKey& key) {
  TRY(Rows rows,
      writer_.query("SELECT percent FROM crossed_thresholds WHERE limit_id = ?1 AND label = ?2", key.limit, key.label));
  Crossed crossed;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return crossed;
    crossed.insert(static_cast<int>(rows.take_integer()));
  }
}

base::Status SqliteStore::write_crossed(const quota::CounterKey& key, const Crossed& before, const Crossed& after) {
  if (before == after) return {};
  TRY_STATUS(writer_.run("DELETE FROM crossed_thresholds WHERE limit_id = ?1 AND label = ?2", key.limit, key.label));
  for (const int percent : after)
    TRY_STATUS(writer_.run("INSERT INTO crossed_thresholds (limit_id, label, percent) VALUES (?1, ?2, ?3)", key.limit,
                           key.label, static_cast<std::int64_t>(percent)));
  return {};
}

void SqliteStore::count(const std::vector<events::LimitEvent>& written) {
  for (const events::LimitEvent& event : written)
    ++limit_events_written_[static_cast<std::size_t>(event.threshold.action)];
}

std::int64_t SqliteStore::limit_events_written(catalog::ThresholdAction action) const {
  return limit_events_written_[static_cast<std::size_t>(action)];
}

base::Result<std::vector<events::LimitEvent>> SqliteStore::limit_events(const events::LimitEventFilter& filter) {
  const std::lock_guard lock(reader_mutex_);
  TRY(Rows rows, reader_.query("SELECT number, at, limit_id, label, percent, action, amount, spent FROM limit_events "
                               "WHERE (?1 IS NULL OR limit_id = ?1) AND (?2 IS NULL OR number < ?2) "
                               "ORDER BY number DESC LIMIT ?3",
                               filter.limit, filter.before, static_cast<std::int64_t>(filter.limit_to)));
  std::vector<events::LimitEvent> page;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return page;
    events::LimitEvent event;
    event.number = rows.take_integer();
    event.at = rows.take_time();
    event.limit = rows.take_id<base::LimitId>();
    event.label = rows.take_label();
    event.threshold.percent = static_cast<int>(rows.take_integer());
    TRY(event.threshold.action,
        sqlite::enum_from(rows.take_text(), catalog::ThresholdAction::block, "limit_events.action"));
    event.amount = rows.take_integer();
    event.spent = rows.take_integer();
    page.push_back(event);
  }
}

}  // namespace store
