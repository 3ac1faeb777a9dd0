// What clients send as their trace: whatever it is, what is handed on is well formed and means the same when it is read
// again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "telemetry/trace_context.h"

// Lines are fields: of the first one `traceparent`, of the others `tracestate`.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<net::Field> fields;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    fields.push_back({fields.empty() ? "traceparent" : "tracestate", rest.substr(0, end)});
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  const telemetry::ReceivedContext read = telemetry::read_context(fields);
  if (!read.parent) {
    ASSERT(read.state.empty());
    return 0;
  }
  const std::string parent = telemetry::to_traceparent(*read.parent);
  ASSERT(parent.size() == 55);
  const std::vector<net::Field> again{{"traceparent", parent}, {"tracestate", read.state}};
  ASSERT(telemetry::read_context(again) == read);
  return 0;
}
