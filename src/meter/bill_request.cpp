#include "meter/bill_request.h"

#include <fmt/format.h>

#include <array>

#include "meter/image_size.h"

namespace meter {
namespace {

using base::Json;
using base::JsonFields;
using base::Result;
using base::Status;

constexpr auto more_counts = std::to_array<std::pair<std::string_view, std::optional<std::int64_t> Quantities::*>>(
    {{"video_input_tokens", &Quantities::video_input_tokens},
     {"video_output_tokens", &Quantities::video_output_tokens},
     {"annotated_pages", &Quantities::annotated_pages},
     {"ocr_credits", &Quantities::ocr_credits},
     {"queries", &Quantities::queries}});

// What providers and their libraries call the same counts.
constexpr auto other_names = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"web_search_requests", "web_search_calls"},
     {"web_searches", "web_search_calls"},
     {"web_search_queries", "web_search_calls"},
     {"num_search_queries", "web_search_calls"},
     {"search_queries", "queries"},
     {"num_queries", "queries"},
     {"ocr_pages", "pages"},
     {"pages_processed", "pages"},
     {"annotation_pages", "annotated_pages"},
     {"credits", "ocr_credits"},
     {"seconds", "audio_seconds"},
     {"duration_seconds", "audio_seconds"},
     {"video_duration_seconds", "video_seconds"},
     {"code_interpreter_sessions", "code_interpreter_calls"},
     {"image_count", "images"},
     {"rerank_search_units", "search_units"}});

// Whole units, whether they are written as 37, 37.0 or 3.7e1.
Result<std::optional<std::int64_t>> whole(JsonFields& fields, std::string_view name) {
  TRY(const auto text, fields.decimal(name));
  if (!text) return std::nullopt;
  const auto money = base::Money::parse_usd(*text);
  if (!money || money->is_negative() || money->nanos() % base::Money::nanos_per_usd != 0)
    return base::invalid(
        fmt::format("'{}' is {}: it must be a whole number from 0 to 9 billion", fields.path_of(name), *text),
        fields.path_of(name));
  return money->nanos() / base::Money::nanos_per_usd;
}

// Seconds in millionths; begun ones count.
Result<std::optional<std::int64_t>> seconds(JsonFields& fields, std::string_view name) {
  TRY(const auto text, fields.decimal(name));
  if (!text) return std::nullopt;
  // A decimal of at most nine digits behind the point, as an amount of money is.
  const auto value = base::Money::parse_usd(*text);
  if (!value || value->is_negative())
    return base::invalid(
        fmt::format("'{}' is {}: it must be a number of seconds, 0 or more", fields.path_of(name), *text),
        fields.path_of(name));
  constexpr std::int64_t nanos_per_micro = 1000;
  return (value->nanos() + nanos_per_micro - 1) / nanos_per_micro;
}

// Reads a field by its name or by another that stands for it; both at once are refused.
template <class Read>
auto by_any_name(JsonFields& fields, std::string_view name, Read read) -> decltype(read(fields, name)) {
  TRY(auto found, read(fields, name));
  for (const auto& [other, canonical] : other_names) {
    if (canonical != name) continue;
    TRY(auto also, read(fields, other));
    if (also && found)
      return base::invalid(fmt::format("'{}' is '{}': give one of them", other, name), std::string(other));
    if (also) found = std::move(also);
  }
  return found;
}

Result<std::string> word(JsonFields& fields, std::string_view name) {
  TRY(const auto text, fields.string(name));
  return text.value_or("");
}

Status read_tier(JsonFields& fields, Service& service) {
  TRY(const auto name, fields.string("service_tier"));
  if (!name) return {};
  if (*name == "batch") {
    service.delivery = Delivery::batch;
    return {};
  }
  const auto tier = known_service_tier(*name);
  if (!tier)
    return base::invalid(
        fmt::format("'service_tier' is '{}': it must be standard, default, auto, flex or priority", *name),
        "service_tier");
  service.tier = *tier;
  return {};
}

Status read_search_context(JsonFields& fields, Service& service) {
  TRY(const auto name, fields.string("search_context_size"));
  if (!name) return {};
  for (const auto& [word, context] : {std::pair("low", SearchContext::low), std::pair("medium", SearchContext::medium),
                                      std::pair("high", SearchContext::high)}) {
    if (*name == word) service.search_context = context;
  }
  if (service.search_context == SearchContext::unsaid)
    return base::invalid(fmt::format("'search_context_size' is '{}': it must be low, medium or high", *name),
                         "search_context_size");
  return {};
}

Status read_image_size(JsonFields& fields, Service& service) {
  TRY(const auto text, fields.string("size"));
  if (!text || *text == "auto") return {};
  const auto size = parse_image_size(*text);
  if (!size) return base::invalid(fmt::format("'size' is '{}': it must be as 1024x1024 is", *text), "size");
  service.width = size->width;
  service.height = size->height;
  return {};
}

}  // namespace

Result<Quantities> read_quantities(const Json& usage) {
  TRY(auto fields, JsonFields::of(usage));
  Quantities out;
  for (const NamedCount& named : usage_counts) {
    if (named.name == "audio_seconds") continue;
    TRY(out.usage.*named.count, by_any_name(fields, named.name, whole));
  }
  for (const auto& [name, count] : more_counts) {
    TRY(out.*count, by_any_name(fields, name, whole));
  }
  TRY(out.audio_micros, by_any_name(fields, "audio_seconds", seconds));
  TRY(out.video_micros, by_any_name(fields, "video_seconds", seconds));
  TRY(const auto stated, fields.decimal("provider_cost_usd"));
  if (stated) {
    // Rounded up like every cost: providers state more digits than a nano-dollar has.
    const auto price = base::Price::parse_usd(*stated);
    if (!price) return base::invalid(fmt::format("provider_cost_usd: {}", price.error().message), "provider_cost_usd");
    base::CostSum sum;
    sum.add(1, *price);
    out.usage.provider_cost = sum.ceil();
  }
  TRY_STATUS(fields.finish());
  return out;
}

Result<Service> read_service(const Json& options) {
  TRY(auto fields, JsonFields::of(options));
  Service out;
  TRY_STATUS(read_tier(fields, out));
  TRY(const auto batch, fields.boolean("batch"));
  if (batch.value_or(false)) out.delivery = Delivery::batch;
  TRY(out.inference_geo, word(fields, "inference_geo"));
  TRY(out.speed, word(fields, "speed"));
  TRY(out.region, word(fields, "region"));
  for (const std::string_view other : {"data_residency", "regional_processing", "processing_region"}) {
    TRY(const std::string region, word(fields, other));
    if (!region.empty() && !out.region.empty())
      return base::invalid(fmt::format("'{}' and another name of the region are given: give one of them", other),
                           std::string(other));
    if (!region.empty()) out.region = region;
  }
  TRY_STATUS(read_search_context(fields, out));
  TRY_STATUS(read_image_size(fields, out));
  TRY(out.quality, word(fields, "quality"));
  TRY(out.resolution, word(fields, "resolution"));
  TRY(const auto results, whole(fields, "max_results"));
  out.results = results.value_or(0);
  TRY_STATUS(fields.finish());
  return out;
}

}  // namespace meter
