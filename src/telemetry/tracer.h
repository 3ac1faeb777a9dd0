#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "net/field.h"
#include "telemetry/exchange_trace.h"

namespace telemetry {

// Whether a call carries a `traceparent` of ours to its upstream.
enum class Propagation : std::uint8_t {
  none,  // what the client sent goes on as it is
  ours,
};

struct TracerOptions {
  static constexpr std::int64_t always = 1'000'000'000;

  std::int64_t sample_billionths = always;  // of the traces that begin here; a client's own flag decides about its own
  Propagation propagation = Propagation::none;
  std::size_t queue_max = 2048;  // exchanges that have ended and that the collector does not have yet
};

// Why spans never reached the collector.
enum class Drop : std::uint8_t {
  queue_full,   // more came than it took
  refused,      // it does not want them
  unreachable,  // it did not answer, or not now, as often as it was asked
  shutdown,     // nothing more could wait for it
};
inline constexpr std::array drop_names{"queue_full", "refused", "unreachable", "shutdown"};

// Counted by several threads, read by any.
struct ExportStats {
  std::atomic<std::int64_t> exported = 0;
  std::array<std::atomic<std::int64_t>, drop_names.size()> dropped = {};
  std::atomic<std::int64_t> failed_exports = 0;
  std::atomic<std::int64_t> last_failure_ms = 0;  // wall-clock time; 0: none

  void drop(Drop why, std::size_t spans) { dropped[static_cast<std::size_t>(why)] += static_cast<std::int64_t>(spans); }
};

using EndedExchange = std::unique_ptr<const ExchangeTrace>;
// How many spans are made of it.
inline std::size_t spans_in(const ExchangeTrace& exchange) { return 1 + exchange.attempts.size(); }

// Decides which exchanges are traced, and keeps those that have ended until the exporter takes them. Used by all
// workers; only a full batch wakes anybody.
class Tracer {
 public:
  static constexpr std::size_t batch_spans = 512;

  explicit Tracer(const TracerOptions& options) : options_(options) {}

  // An exchange begins, with these fields of its request. nullptr: nothing is to be noted or handed on.
  std::unique_ptr<ExchangeTrace> begin(std::span<const net::Field> fields, base::Random& random) const;
  bool propagates() const { return options_.propagation == Propagation::ours; }
  // One that is recorded has ended. Dropped and counted where the queue is full.
  void offer(EndedExchange exchange);

  // For the exporter. `full` is called by whoever offers the exchange that fills a batch; set before anybody does.
  void when_full(std::function<void()> full) { full_ = std::move(full); }
  bool has_batch() const;
  // At most a batch, oldest first.
  std::vector<EndedExchange> take();
  ExportStats& stats() { return stats_; }
  const ExportStats& stats() const { return stats_; }

 private:
  bool is_sampled(const TraceId& trace) const;

  const TracerOptions options_;
  std::function<void()> full_;
  mutable std::mutex mutex_;  // never held over I/O
  std::deque<EndedExchange> waiting_;
  std::size_t waiting_spans_ = 0;
  ExportStats stats_;
};

}  // namespace telemetry
