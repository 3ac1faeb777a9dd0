#pragma once

#include <span>
#include <string>
#include <string_view>

#include "telemetry/span.h"

namespace telemetry {

// The body of an export: an ExportTraceServiceRequest in OTLP's JSON mapping (opentelemetry-proto,
// docs/specification.md, "JSON Protobuf Encoding"): ids in hex, enumerations as numbers, 64-bit integers as strings.
std::string to_otlp_json(const Resource& resource, std::span<const Span> spans);

// How many of the spans the collector did not take, by its answer to an export (ExportTracePartialSuccess); 0 where it
// says nothing of that. `message`: why, in its words; empty: it does not say.
struct Rejected {
  std::int64_t spans = 0;
  std::string message = {};
};
Rejected read_rejected(std::string_view answer);

}  // namespace telemetry
