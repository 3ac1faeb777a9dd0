#include "app/health_metrics.h"

#include "app/metrics_text.h"

namespace app {

using Kind = MetricsText::Kind;

std::string store_metrics(const quota::Keeper::Health& health, base::Instant now) {
  MetricsText text;
  text.gauge("metergate_unflushed_records", "Usage records that are settled and not in the store yet.",
             health.unflushed);
  const std::int64_t age_ns = health.offered_since ? base::ns_between(*health.offered_since, now) : 0;
  text.gauge("metergate_unflushed_age_seconds",
             "How long the store has had records that it has not taken; 0: it has taken all that it was given.",
             seconds_text(std::max<std::int64_t>(age_ns, 0)));
  text.begin("metergate_flush_seconds", Kind::summary, "How long the store takes for a batch of usage records.");
  text.sample(seconds_text(health.flush_ns), {}, "_sum");
  text.sample(health.flushes, {}, "_count");
  text.begin("metergate_flushed_records_total", Kind::counter, "Usage records that the store has taken.");
  text.sample(health.flushed_records);
  text.gauge("metergate_store_failures", "Calls of the store that failed since the start.", health.flush_failures);
  return text.take();
}

std::string journal_metrics(journal::Journal& journal, std::uint32_t segment_bytes, const std::string& error) {
  std::int64_t in_use = 0, ready = 0, open = 0;
  bool failed = !error.empty();
  for (std::uint32_t worker = 0; worker < journal.workers(); ++worker) {
    const journal::Writer::Health health = journal.writer(worker).health();
    in_use += health.segments;
    ready += health.ready;
    open += health.open;
    failed = failed || !health.failure.empty();
  }
  MetricsText text;
  text.begin("metergate_journal_segments", Kind::gauge, "Segments of the journals, by what they are there for.");
  text.sample(in_use, labels({{"state", "in_use"}}));
  text.sample(ready, labels({{"state", "ready"}}));
  text.gauge("metergate_journal_bytes", "Bytes of the segments in use.", in_use * segment_bytes);
  text.gauge("metergate_journal_open_reservations", "Calls that the journals have the beginning of and no end.", open);
  text.gauge("metergate_journal_failed", "1 where a journal could not be written to or made longer, else 0.",
             failed ? 1 : 0);
  return text.take();
}

std::string database_metrics(const std::filesystem::path& database) {
  MetricsText text;
  std::error_code failed;
  auto log = database;
  log += "-wal";
  const auto log_bytes = std::filesystem::file_size(log, failed);
  const bool has_log = !failed;
  const auto bytes = std::filesystem::file_size(database, failed);
  if (!failed) {
    text.begin("metergate_database_bytes", Kind::gauge, "The size of the database's files.");
    text.sample(bytes, labels({{"file", "database"}}));
    text.sample(has_log ? log_bytes : 0, labels({{"file", "log"}}));
  }
  const auto space = std::filesystem::space(database, failed);
  if (!failed) text.gauge("metergate_disk_free_bytes", "What is free on the disk of the data folder.", space.available);
  return text.take();
}

}  // namespace app
