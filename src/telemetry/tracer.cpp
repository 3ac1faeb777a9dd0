#include "telemetry/tracer.h"

namespace telemetry {

// The trace id's last seven bytes are the die, so that everybody who goes by them samples the same traces
// (OpenTelemetry's trace SDK, TraceIdRatioBased).
bool Tracer::is_sampled(const TraceId& trace) const {
  std::uint64_t drawn = 0;
  for (std::size_t i = 9; i < trace.bytes.size(); ++i) drawn = drawn << 8 | trace.bytes[i];
  const auto billionths = static_cast<unsigned __int128>(drawn) * TracerOptions::always >> 56;
  return billionths < static_cast<unsigned __int128>(options_.sample_billionths);
}

std::unique_ptr<ExchangeTrace> Tracer::begin(std::span<const net::Field> fields, base::Random& random) const {
  ReceivedContext received = read_context(fields);
  TraceContext context;
  if (received.parent) {
    context = *received.parent;
  } else {
    context.trace = TraceId::create(random);
    if (is_sampled(context.trace)) context.flags = TraceContext::sampled_flag;
  }
  if (!context.sampled() && !propagates()) return nullptr;
  auto exchange = std::make_unique<ExchangeTrace>();
  if (received.parent) exchange->parent = received.parent->span;
  exchange->state = std::move(received.state);
  context.span = SpanId::create(random);
  exchange->context = context;
  return exchange;
}

void Tracer::offer(EndedExchange exchange) {
  const std::size_t spans = spans_in(*exchange);
  bool fills = false;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= options_.queue_max) return stats_.drop(Drop::queue_full, spans);
    waiting_.push_back(std::move(exchange));
    fills = waiting_spans_ < batch_spans && waiting_spans_ + spans >= batch_spans;
    waiting_spans_ += spans;
  }
  if (fills && full_) full_();
}

bool Tracer::has_batch() const {
  const std::lock_guard lock(mutex_);
  return waiting_spans_ >= batch_spans;
}

std::vector<EndedExchange> Tracer::take() {
  std::vector<EndedExchange> batch;
  std::size_t spans = 0;
  const std::lock_guard lock(mutex_);
  while (!waiting_.empty()) {
    spans += spans_in(*waiting_.front());
    if (!batch.empty() && spans > batch_spans) break;
    waiting_spans_ -= spans_in(*waiting_.front());
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

}  // namespace telemetry
