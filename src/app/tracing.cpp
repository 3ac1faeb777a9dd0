#include "app/tracing.h"

#include "app/metrics_text.h"
#include "app/store_thread.h"
#include "app/version.h"
#include "base/ids.h"

namespace app {
namespace {

// As long as a stop may wait for a collector.
constexpr std::int64_t flush_ms = 5'000;

net::Task<void> run_exporter(net::Loop& loop, telemetry::Exporter& exporter) {
  co_await exporter.run();
  loop.stop();
}

net::Task<void> stop_after(net::Loop& loop, std::int64_t ms) {
  co_await loop.sleep(ms);
  loop.stop();
}

}  // namespace

Tracing::Tracing(const TracingSettings& settings, const base::Clock& clock)
    : settings_(settings), tracer_(settings.tracer), loop_(clock) {}

base::Result<std::unique_ptr<Tracing>> Tracing::create(const TracingSettings& settings, std::string_view scheme,
                                                       const base::Clock& clock, base::Random& random) {
  std::unique_ptr<Tracing> tracing(new Tracing(settings, clock));
  if (settings.collector.scheme == "https") {
    TRY(tracing->tls_, net::TlsClientContext::create(settings.ca_file));
  }
  const std::string instance = base::Uuid::version7(clock.wall_now(), random).to_string();
  tracing->exporter_ = std::make_unique<telemetry::Exporter>(
      telemetry::Exporter::Parts{.loop = tracing->loop_,
                                 .tracer = tracing->tracer_,
                                 .random = random,
                                 .collector = settings.collector,
                                 .resource = {settings.service_name, std::string(version), instance},
                                 .scheme = std::string(scheme),
                                 .tls = tracing->tls_.get()});
  tracing->tracer_.when_full([&self = *tracing] { self.loop_.post([&self] { self.exporter_->wake(); }); });
  return tracing;
}

Tracing::~Tracing() {
  stop();
  loop_.end();  // first the coroutines, which refer to the rest
}

void Tracing::start() {
  loop_.post([this] { loop_.spawn(run_exporter(loop_, *exporter_)); });
  thread_ = std::thread([this] {
    name_thread("mg-tracing");
    loop_.run();
  });
}

void Tracing::stop() {
  if (!thread_.joinable()) return;
  loop_.post([this] {
    loop_.spawn(stop_after(loop_, flush_ms));
    exporter_->end();
  });
  thread_.join();
  exporter_->drop_rest();
}

std::string Tracing::metrics() const {
  const telemetry::ExportStats& stats = tracer_.stats();
  MetricsText text;
  text.begin("metergate_spans_exported_total", MetricsText::Kind::counter, "Spans that the collector has taken.");
  text.sample(stats.exported.load());
  text.begin("metergate_spans_dropped_total", MetricsText::Kind::counter,
             "Spans that never reached the collector, by why.");
  for (std::size_t i = 0; i < telemetry::drop_names.size(); ++i)
    text.sample(stats.dropped[i].load(), labels({{"reason", telemetry::drop_names[i]}}));
  text.begin("metergate_span_export_failures_total", MetricsText::Kind::counter,
             "Exports of spans that the collector did not take, or not whole; those that were repeated too.");
  text.sample(stats.failed_exports.load());
  const std::int64_t failed_ms = stats.last_failure_ms.load();
  text.gauge("metergate_span_export_last_failure_timestamp_seconds",
             "When the last of them was, in seconds since 1970; 0: there was none.", failed_ms / 1000);
  return text.take();
}

}  // namespace app
