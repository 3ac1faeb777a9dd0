#pragma once
// telemetry: what became of exchanges, told to a collector of OpenTelemetry (OTLP over HTTP, in JSON). It owns traces'
// ids and their way through HTTP, what a span says, how spans are written, and the queue and the connection to the
// collector. It decides nothing about a call, and knows no database.
//
// Always: a call never waits for a collector, and what the queue cannot hold is dropped and counted; a span says what
// the usage record says, money in exact decimals; no body, no header, no path, no tag and no secret is in one.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/random.h"
#include "net/field.h"

namespace telemetry {

struct TraceId {
  std::array<std::uint8_t, 16> bytes{};
  static TraceId create(base::Random& random);
  bool operator==(const TraceId&) const = default;
};
struct SpanId {
  std::array<std::uint8_t, 8> bytes{};
  static SpanId create(base::Random& random);
  bool operator==(const SpanId&) const = default;
};
// Lower case.
std::string to_hex(std::span<const std::uint8_t> bytes);

// A span as others refer to it (W3C Trace Context).
struct TraceContext {
  static constexpr std::uint8_t sampled_flag = 0x01;
  static constexpr std::uint8_t random_flag = 0x02;  // of level 2: the trace id is random; handed on as it came

  TraceId trace;
  SpanId span;
  std::uint8_t flags = 0;  // these two alone

  bool sampled() const { return (flags & sampled_flag) != 0; }
  bool operator==(const TraceContext&) const = default;
};

// The value of a `traceparent`, of version 00 or a later one that begins like it; nullopt: it is not valid, and the
// trace begins anew (https://www.w3.org/TR/trace-context/, section 3.2).
std::optional<TraceContext> parse_traceparent(std::string_view value);
std::string to_traceparent(const TraceContext& context);

// What a request's head says of the trace that it is part of.
struct ReceivedContext {
  std::optional<TraceContext> parent = std::nullopt;  // nullopt: none, two, or one that is not valid
  std::string state = {};  // `tracestate`, as one; empty without a parent, and where it is not well formed
  bool operator==(const ReceivedContext&) const = default;
};
ReceivedContext read_context(std::span<const net::Field> fields);
// Whether the field is one of these two.
bool is_of_context(const net::Field& field);

}  // namespace telemetry
