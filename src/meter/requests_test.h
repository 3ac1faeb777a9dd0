#pragma once
// For tests of request readers: a request as its address and its body, and what is read of it as one line.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "meter/request_edit.h"
#include "meter/request_reader.h"

namespace meter::test {

inline base::Result<Request> read(std::string_view url, std::string_view body, InputBound bound = InputBound::bytes) {
  const auto slash = url.find('/');
  return read_copied_request(endpoint_of("POST", url.substr(0, slash), url.substr(slash)), body, bound);
}

inline std::string_view name_of(ServiceTier tier) {
  return tier == ServiceTier::flex ? "flex" : tier == ServiceTier::priority ? "priority" : "standard";
}

// What differs from a plain request: "m cap=5@max_tokens choices=2 stream".
inline std::string shown(const base::Result<Request>& request) {
  if (!request) return fmt::format("refused: {}", request.error().field);
  std::string out = request->model;
  const auto add = [&out](bool condition, const std::string& text) {
    if (condition) out += " " + text;
  };
  add(request->output_cap.has_value(), fmt::format("cap={}", request->output_cap.value_or(0)));
  add(!request->output_cap_path.empty(), "@" + request->output_cap_path);
  add(request->choices != 1, fmt::format("choices={}", request->choices));
  add(request->stream, "stream");
  add(request->background, "background");
  add(request->audio, "audio");
  add(request->image_input, "image");
  add(request->tier != ServiceTier::standard, std::string(name_of(request->tier)));
  add(!request->user.empty(), "user=" + request->user);
  add(request->billing == Billing::free, "free");
  add(request->billing == Billing::zero_price_counts, "zero");
  add(request->cache_writes == CacheWrites::none, "unwritten");
  add(request->cache_writes == CacheWrites::minutes, "written");
  add(request->cache_writes == CacheWrites::hour, "written-1h");
  add(request->context_passes > 0, fmt::format("passes={}", request->context_passes));
  add(request->web_searches > 0, fmt::format("searches={}", request->web_searches));
  add(request->images > 0, fmt::format("images={}", request->images));
  add(request->characters > 0, fmt::format("characters={}", request->characters));
  add(request->audio_seconds > 0, fmt::format("seconds={}", request->audio_seconds));
  add(request->search_units > 0, fmt::format("units={}", request->search_units));
  add(!request->speed.empty(), request->speed);
  add(!request->inference_geo.empty(), "geo=" + request->inference_geo);
  add(!request->quality.empty(), request->quality);
  add(request->width > 0, fmt::format("{}x{}", request->width, request->height));
  return out;
}

struct Row {
  std::string_view url;
  std::string body;
  std::string_view shown;
};

inline void check(const Row& row) {
  CAPTURE(row.url);
  CAPTURE(row.body);
  const auto request = read(row.url, row.body);
  CHECK(shown(request) == row.shown);
  if (!request) {
    CHECK(request.error().type == base::ErrorType::invalid_request);
    CHECK_FALSE(request.error().message.empty());
  }
}

}  // namespace meter::test
