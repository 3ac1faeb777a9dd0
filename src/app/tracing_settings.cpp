#include "app/tracing_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/config_values.h"
#include "catalog/base_url.h"
#include "meter/report_reader.h"
#include "net/field.h"

namespace app {
namespace {

// What OTLP over HTTP calls it where nobody says otherwise.
constexpr std::string_view default_path = "/v1/traces";

void read_collector(YamlMap& map, telemetry::Collector& into) {
  std::string url;
  map.string("otlp", url);
  if (!map.has("otlp")) map.refuse("otlp", "is missing: the collector's address, such as http://localhost:4318");
  if (url.empty()) return;
  if (url.contains('@'))
    return map.refuse("otlp", "must not hold a user name or password; what the collector wants belongs in 'headers'");
  catalog::Upstream place;
  if (const auto parsed = catalog::parse_base_url(url, place); !parsed)
    return map.refuse("otlp", parsed.error().message);
  into.scheme = place.scheme;
  into.host = place.host;
  into.port = place.port;
  into.path = place.base_path.empty() ? default_path : place.base_path;
}

// Fields that an export has already.
bool is_written_here(std::string_view name) {
  static constexpr std::array more{"user-agent", "content-encoding"};
  switch (net::field_name_of(name)) {
    case net::FieldName::host:
    case net::FieldName::content_length:
    case net::FieldName::content_type:
    case net::FieldName::expect: return true;
    default: break;
  }
  return net::is_hop_by_hop(net::field_name_of(name)) ||
         std::ranges::any_of(more, [&](std::string_view one) { return net::equals_ignoring_case(one, name); });
}

void read_headers(YamlMap& map, telemetry::Collector& into) {
  if (!map.has("headers")) return;
  for (auto& [name, value] : map.named_strings("headers")) {
    if (!is_name(name))
      map.refuse("headers", fmt::format("has the name '{}', which {}", name.substr(0, 80), name_rule));
    if (is_written_here(name))
      map.refuse("headers", fmt::format("has '{}', which every export has already; leave it out", name));
    if (value.empty() || !std::ranges::all_of(value, [](char c) { return c >= ' ' && c < 0x7F; }))
      map.refuse("headers", fmt::format("has a value of '{}' that is empty or holds what a header cannot carry", name));
    into.headers.emplace_back(name, base::Secret(std::move(value)));
  }
}

void read_sample(YamlMap& map, std::int64_t& into) {
  std::string text;
  map.decimal("sample", text);
  if (text.empty()) return;
  const auto billionths = meter::billionths_of(text);
  if (billionths && *billionths <= telemetry::TracerOptions::always) {
    into = *billionths;
  } else {
    map.refuse("sample", fmt::format("is {}; it must be a part of the traces from 0 to 1, such as 0.1", text));
  }
}

}  // namespace

void read_tracing(YamlMap map, TracingSettings& into) {
  static constexpr std::string_view words[] = {"false", "true"};
  read_collector(map, into.collector);
  read_headers(map, into.collector);
  read_file_name(map, "ca_file", into.ca_file);
  if (!into.ca_file.empty() && into.collector.scheme == "http")
    map.refuse("ca_file", "has no use with an http:// address; write https:// or leave it out");
  map.string("service_name", into.service_name);
  if (into.service_name.size() > 255) map.refuse("service_name", "has more than 255 bytes; name the service shorter");
  read_sample(map, into.tracer.sample_billionths);
  if (map.one_of("propagate", words) == 1) into.tracer.propagation = telemetry::Propagation::ours;
  std::int64_t queue = static_cast<std::int64_t>(into.tracer.queue_max);
  map.integer("queue", queue, {1, 1'000'000});
  into.tracer.queue_max = static_cast<std::size_t>(queue);
  map.finish();
}

}  // namespace app
