#pragma once
// A span as OpenTelemetry has it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "telemetry/trace_context.h"

namespace telemetry {

using AttributeValue = std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>>;

struct Attribute {
  std::string_view key;  // a literal
  AttributeValue value;
  bool operator==(const Attribute&) const = default;
};

struct Span {
  // As the protocol numbers them.
  enum class Kind : std::uint8_t { server = 2, client = 3 };
  enum class Status : std::uint8_t { unset = 0, error = 2 };

  TraceContext context;
  std::optional<SpanId> parent = std::nullopt;  // nullopt: the trace begins here
  bool parent_is_remote = false;
  std::string state = {};  // `tracestate`
  std::string name;
  Kind kind = Kind::server;
  std::int64_t start_ns = 0;  // since 1970
  std::int64_t end_ns = 0;
  std::vector<Attribute> attributes = {};
  Status status = Status::unset;

  // nullptr: it has none of that name.
  const AttributeValue* find(std::string_view key) const;
  bool operator==(const Span&) const = default;
};

// Who tells of spans.
struct Resource {
  std::string service_name;
  std::string service_version;
  std::string instance_id;
};

}  // namespace telemetry
