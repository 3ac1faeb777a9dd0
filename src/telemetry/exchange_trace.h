#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"
#include "catalog/unit.h"
#include "events/usage_record.h"
#include "meter/usage.h"
#include "telemetry/trace_context.h"

namespace telemetry {

// A try at an upstream.
struct AttemptTrace {
  SpanId span;
  base::Instant began;
  std::optional<base::Instant> ended = std::nullopt;        // nullopt: when the exchange did
  std::optional<base::Instant> first_chunk = std::nullopt;  // of a stream
  std::string upstream;                                     // its name in the configuration
  std::string provider;
  std::string host;
  std::uint16_t port = 0;
  std::string model = {};                                 // that it was asked for; empty: the call names none
  int status = 0;                                         // what it answered; 0: it did not
  std::optional<base::ErrorType> error = std::nullopt;    // why it did not, or why the answer broke off
  std::optional<std::int64_t> max_tokens = std::nullopt;  // as it was sent
};

// What is noted of an exchange while it runs, for the spans that are made of it when it has ended.
struct ExchangeTrace {
  TraceContext context;                         // of the exchange's own span
  std::optional<SpanId> parent = std::nullopt;  // the client's span; nullopt: the trace begins here
  std::string state = {};                       // `tracestate`

  base::ExchangeId id = {};
  base::WallTime started = {};
  base::Instant began = {};  // the same moment
  base::Instant ended = {};

  std::string method = {};
  int minor_version = 1;
  std::string route_pattern = {};  // the address without what is one caller's: "/v1/chat/completions"; empty: no route
  std::string_view endpoint = {};  // a literal (meter::Endpoint::name) of an inference; empty: it is none
  std::string asked_model = {};    // by the client
  std::int64_t choices = 1;
  int status = 0;  // what the client was answered; 0: nothing
  std::vector<AttemptTrace> attempts = {};
  std::string finish_reason = {};                      // in the provider's word
  std::optional<base::Money> estimate = std::nullopt;  // before the call

  std::optional<events::UsageRecord> record = std::nullopt;  // as it went into the books, with its cost; nullopt: none
  meter::Certainty certainty = meter::Certainty::exact;      // of that cost
  std::optional<base::ErrorType> refusal = std::nullopt;     // the gateway's no
  std::optional<catalog::Unit> refused_unit = std::nullopt;  // of the limit that refused; usd: of a balance too

  std::string traceparent = {};  // of the attempt that was begun last, as it goes upstream; empty: the client's does

  // Whether spans are made of it; else it is only handed on.
  bool recorded() const { return context.sampled(); }
};

}  // namespace telemetry
