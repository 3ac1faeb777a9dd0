#include "telemetry/otlp_json.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include <fmt/format.h>

#include "base/json.h"
#include "base/utf8.h"

namespace telemetry {
namespace {

namespace json = boost::json;

// Names of models come from clients: nobody's store of traces is to be filled by one.
constexpr std::size_t text_bytes_max = 256;

constexpr std::string_view scope_name = "metergate";
constexpr std::uint32_t has_is_remote = 0x100;  // SpanFlags of trace.proto
constexpr std::uint32_t is_remote = 0x200;

json::string text_of(std::string_view text) {
  return json::string(base::valid_utf8(std::string(text.substr(0, text_bytes_max))));
}

json::object value_of(const AttributeValue& value) {
  struct Writer {
    json::object operator()(const std::string& text) const { return {{"stringValue", text_of(text)}}; }
    json::object operator()(std::int64_t number) const { return {{"intValue", fmt::to_string(number)}}; }
    json::object operator()(double number) const { return {{"doubleValue", number}}; }
    json::object operator()(bool is) const { return {{"boolValue", is}}; }
    json::object operator()(const std::vector<std::string>& texts) const {
      json::array values;
      for (const std::string& text : texts) values.push_back((*this)(text));
      return {{"arrayValue", json::object{{"values", std::move(values)}}}};
    }
  };
  return std::visit(Writer(), value);
}

json::object attribute(std::string_view key, json::object value) { return {{"key", key}, {"value", std::move(value)}}; }

json::object span_json(const Span& span) {
  json::object out{{"traceId", to_hex(span.context.trace.bytes)}, {"spanId", to_hex(span.context.span.bytes)}};
  if (!span.state.empty()) out["traceState"] = span.state;
  if (span.parent) out["parentSpanId"] = to_hex(span.parent->bytes);
  out["flags"] = span.context.flags | has_is_remote | (span.parent_is_remote ? is_remote : 0U);
  out["name"] = text_of(span.name);
  out["kind"] = static_cast<int>(span.kind);
  out["startTimeUnixNano"] = fmt::to_string(span.start_ns);
  out["endTimeUnixNano"] = fmt::to_string(span.end_ns);
  json::array attributes;
  for (const Attribute& one : span.attributes) attributes.push_back(attribute(one.key, value_of(one.value)));
  out["attributes"] = std::move(attributes);
  if (span.status != Span::Status::unset) out["status"] = json::object{{"code", static_cast<int>(span.status)}};
  return out;
}

}  // namespace

std::string to_otlp_json(const Resource& resource, std::span<const Span> spans) {
  json::array written;
  for (const Span& span : spans) written.push_back(span_json(span));
  json::array of_resource{attribute("service.name", value_of(resource.service_name)),
                          attribute("service.version", value_of(resource.service_version)),
                          attribute("service.instance.id", value_of(resource.instance_id))};
  json::object scope_spans{
      {"scope", json::object{{"name", scope_name}, {"version", text_of(resource.service_version)}}},
      {"spans", std::move(written)}};
  json::object resource_spans{{"resource", json::object{{"attributes", std::move(of_resource)}}},
                              {"scopeSpans", json::array{std::move(scope_spans)}}};
  return json::serialize(json::object{{"resourceSpans", json::array{std::move(resource_spans)}}});
}

Rejected read_rejected(std::string_view answer) {
  Rejected out;
  const auto parsed = base::Json::parse(answer);
  const base::Json* const partial = parsed && parsed->is_object() ? parsed->find("partialSuccess") : nullptr;
  if (partial == nullptr || !partial->is_object()) return out;
  if (const base::Json* const message = partial->find("errorMessage")) out.message = message->text();
  const base::Json* const count = partial->find("rejectedSpans");
  if (count == nullptr) return out;
  const std::string& digits = count->text();
  std::from_chars(digits.data(), digits.data() + digits.size(), out.spans);
  out.spans = std::max<std::int64_t>(out.spans, 0);
  return out;
}

}  // namespace telemetry
