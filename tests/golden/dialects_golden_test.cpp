// Every dialect against what providers have really sent: all figures of a reply as an independent program read them,
// however the reply is cut.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "meter/recorded_exchange.h"
#include "meter/stated_cost.h"

namespace {

using base::Json;
using meter::Reply;

std::string shown(const Json* value) {
  if (value == nullptr || value->is_null()) return "null";
  return value->text();
}
template <class Count>
std::string shown(const std::optional<Count>& value) {
  if (!value) return "null";
  if constexpr (std::is_same_v<Count, std::string>) {
    return *value;
  } else {
    return std::to_string(*value);
  }
}

// What the independent program could not read, and we can: by recording, which fields.
struct ReadMore {
  std::string_view recording;
  std::string_view fields;
};
constexpr std::array read_more{
    // Event streams whose recorder kept no content type.
    ReadMore{"bedrock__converse-stream__plain__200__2875e51e61.json",
             "input_tokens output_tokens provider_input_tokens provider_output_tokens provider_total_tokens "
             "stop_reason usage_present"},
    ReadMore{"bedrock__converse-stream__plain__200__4019f9eda3.json",
             "input_tokens output_tokens provider_input_tokens provider_output_tokens provider_total_tokens "
             "stop_reason usage_present"},
    // Modalities as the numbers of Vertex's enumeration.
    ReadMore{"vertex__generateContent__plain__200__801df50908.json", "image_input_tokens"},
};

// Names and values of what both read, "null" for what is not there.
using Fields = std::map<std::string, std::string, std::less<>>;

// Figures that the independent program has no name for.
constexpr std::array only_ours{std::string_view("cached_audio_input_tokens"),
                               std::string_view("citation_tokens"),
                               std::string_view("characters"),
                               std::string_view("images"),
                               std::string_view("pages"),
                               std::string_view("file_search_calls"),
                               std::string_view("code_interpreter_calls")};

Fields read_fields(const Reply& reply) {
  Fields fields;
  const meter::Usage usage = reply.usage.value_or(meter::Usage{});
  for (const auto& [name, count] : meter::usage_counts)
    if (std::ranges::find(only_ours, name) == only_ours.end()) fields[std::string(name)] = shown(usage.*count);
  fields["model"] = reply.model;
  fields["stop_reason"] = shown(reply.stop_reason);
  fields["service_tier"] = shown(reply.service_tier);
  fields["counted_tokens"] = shown(reply.counted_tokens);
  fields["provider_input_tokens"] = shown(reply.provider_input_tokens);
  fields["provider_output_tokens"] = shown(reply.provider_output_tokens);
  fields["provider_total_tokens"] = shown(reply.provider_total_tokens);
  fields["provider_cost_usd"] = shown(reply.provider_cost_usd);
  fields["usage_present"] = reply.names_usage ? "true" : "false";
  for (const auto& other : reply.other_models)
    fields["extra_model_usage"] +=
        fmt::format("{} {} {} {} {} {};", other.model, other.kind, shown(other.usage.input_tokens),
                    shown(other.usage.output_tokens), shown(other.usage.cached_input_tokens),
                    shown(other.usage.cache_write_tokens));
  return fields;
}

Fields expected_fields(const Json& expected, const Fields& names) {
  Fields fields;
  for (const auto& [name, value] : names) fields[name] = shown(expected.find(name));
  if (fields["provider_cost_usd"] != "null")
    fields["provider_cost_usd"] = meter::plain_decimal(fields["provider_cost_usd"]).value_or("not a number");
  if (fields["model"] == "null") fields["model"].clear();
  fields.erase("extra_model_usage");
  if (const Json* others = expected.find("extra_model_usage"); others != nullptr)
    for (const Json& other : others->items())
      fields["extra_model_usage"] +=
          fmt::format("{} {} {} {} {} {};", shown(other.find("model")), shown(other.find("type")),
                      shown(other.find("input_tokens")), shown(other.find("output_tokens")),
                      shown(other.find("cached_input_tokens")), shown(other.find("cache_write_tokens")));
  return fields;
}

std::string difference(const Fields& read, const Fields& expected) {
  std::string out;
  for (const auto& [name, value] : read)
    if (const auto found = expected.find(name); found == expected.end() || found->second != value)
      out +=
          fmt::format(" {}: read {}, expected {};", name, value, found == expected.end() ? "nothing" : found->second);
  for (const auto& [name, value] : expected)
    if (!read.contains(name)) out += fmt::format(" {}: read nothing, expected {};", name, value);
  return out;
}

struct Counts {
  int compared = 0;
  int with_usage = 0;
};

void check_exchange(const std::filesystem::path& path, std::map<std::string, Counts>& by_family) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto document = Json::parse(text);
  REQUIRE(document.has_value());
  const auto exchange = meter::read_recorded_exchange(text);
  REQUIRE_MESSAGE(exchange.has_value(), exchange.error().message);
  const Json* expected = document->find("expected");
  REQUIRE(expected != nullptr);

  const Reply whole = meter::read_reply(*exchange);
  const Fields read = read_fields(whole);
  Fields wanted = expected_fields(*expected, read);
  for (const auto& [recording, fields] : read_more) {
    if (recording != path.filename().string()) continue;
    for (const auto& [name, value] : read) {
      if ((" " + std::string(fields) + " ").find(" " + name + " ") == std::string::npos) continue;
      CHECK(wanted[name] != value);  // else it need not stand in the list
      wanted[name] = value;
    }
  }
  CHECK(difference(read, wanted) == "");
  const Json* family = document->find("family");
  Counts& counts = by_family[family == nullptr ? "none" : family->text()];
  ++counts.compared;
  if (whole.names_usage) ++counts.with_usage;
  for (const std::size_t step : {1, 7, 61, 1021}) CHECK(meter::read_reply(*exchange, step) == whole);
  for (const std::string& name : whole.unknown_fields)
    fmt::print("  unknown: {}: {}\n", path.filename().string(), name);
  for (const std::string& alarm : whole.alarms) fmt::print("  alarm: {}: {}\n", path.filename().string(), alarm);
}

}  // namespace

TEST_CASE("recorded exchanges of every dialect are read as an independent reader read them") {
  const char* traffic = std::getenv("METERGATE_TRAFFIC");
  if (traffic == nullptr || *traffic == '\0') {
    fmt::print("golden: skipped, METERGATE_TRAFFIC is not set\n");
    return;
  }
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(traffic) / "open"))
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  REQUIRE_FALSE(paths.empty());
  std::ranges::sort(paths);
  std::map<std::string, Counts> by_family;
  for (const auto& path : paths) {
    CAPTURE(path.filename().string());
    check_exchange(path, by_family);
  }
  for (const auto& [family, counts] : by_family)
    fmt::print("golden: {:<20} {:>4} compared, {:>4} of them with usage\n", family, counts.compared, counts.with_usage);
}
