// What an exchange notes for its spans. All of it stands behind one test for a trace: where there is none, it costs
// nothing.
#include "gateway/exchange.h"

namespace gateway {
namespace {

// A list asks for an object at a time; nobody reads a hundred spans of it.
constexpr std::size_t attempts_traced_max = 32;

}  // namespace

void Exchange::begin_trace() {
  trace_ = worker_.tracer_->begin(head_.fields, worker_.random_);
  if (!trace_) return;
  trace_->id = record_->id;
  trace_->started = stamp_;
  trace_->began = began_;
  trace_->method = head_.method;
  trace_->minor_version = head_.minor_version;
}

void Exchange::trace_attempt() {
  if (!trace_->attempts.empty() && !trace_->attempts.back().ended) trace_attempt_end({});
  if (trace_->attempts.size() < attempts_traced_max) {
    telemetry::AttemptTrace& attempt = trace_->attempts.emplace_back();
    attempt.span = telemetry::SpanId::create(worker_.random_);
    attempt.began = worker_.loop_.now();
    const catalog::Upstream& upstream = upstream_named(target_->upstream);
    attempt.upstream = upstream.name;
    attempt.provider = upstream.provider;
    attempt.host = upstream.host;
    attempt.port = upstream.port;
    attempt.model = plan_.request.model;
    attempt.max_tokens = plan_.clamped_to ? plan_.clamped_to : plan_.request.output_cap;
  }
  if (worker_.tracer_->propagates())
    trace_->traceparent =
        telemetry::to_traceparent({trace_->context.trace, trace_->attempts.back().span, trace_->context.flags});
}

void Exchange::trace_attempt_end(std::optional<base::ErrorType> error) {
  if (trace_->attempts.empty()) return;
  telemetry::AttemptTrace& attempt = trace_->attempts.back();
  if (attempt.ended) return;
  attempt.ended = worker_.loop_.now();
  if (error) attempt.error = error;
}

void Exchange::trace_record(const events::UsageRecord& record, base::Money cost, meter::Certainty certainty) {
  if (!trace_->recorded()) return;
  trace_->record = record;
  trace_->record->cost = cost;
  trace_->certainty = certainty;
}

// What was admitted and failed is none: its record says how it ended.
void Exchange::trace_refusal(const Failure& failure) {
  if (trace_->record) return;
  trace_->refusal = failure.error.type;
  if (record_ == nullptr || !caller_) return;
  trace_record(*record_, {}, meter::Certainty::exact);
  if (failure.shortage) trace_->refused_unit = failure.shortage->limit.unit;
}

// The address as everybody calls it: a code is one caller's own, and so are a model and the name of an object.
std::string Exchange::route_pattern() const {
  if (route_ == nullptr) return {};
  std::string out = limiter_ != nullptr ? "/v1/{code}" : route_->prefix;
  if (kind_ == Kind::budget) return out += "/budget";
  const std::string_view end = call_ != nullptr ? std::string_view(call_->path) : endpoint_.pattern;
  if (!end.empty() && !end.starts_with('/')) out += "/*";
  return out.append(end);
}

void Exchange::end_trace() {
  if (!trace_->recorded()) return;
  trace_->ended = worker_.loop_.now();
  trace_->route_pattern = route_pattern();
  // It is cut off, and its reservation ends behind this.
  if (reservation_) {
    events::UsageRecord& record = reservation_->record();
    record.outcome = events::Outcome::failed;
    trace_record(record, {}, reservation_->sent() ? meter::Certainty::at_least : meter::Certainty::exact);
  }
  const bool inference = route_ != nullptr && route_->calls.empty() && kind_ == Kind::metered &&
                         trace_->method == "POST" && meter::can_read_request(endpoint_);
  if (inference) {
    trace_->endpoint = endpoint_.name;
    trace_->choices = plan_.request.choices;
    trace_->asked_model = plan_.asked_model.empty() ? plan_.request.model : plan_.asked_model;
  }
  if (plan_.made) trace_->estimate = estimate_;
  worker_.tracer_->offer(std::move(trace_));
}

}  // namespace gateway
