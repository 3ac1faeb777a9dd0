// What it costs to know what a request can cost, before it leaves: its body read, its input counted, its worst case
// priced by the built-in book.
//
//   request_bench [--benchmark_filter=…]
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <string>

#include "base/assert.h"
#include "meter/bill.h"
#include "meter/request_reader.h"
#include "meter/worst_cost.h"

namespace {

const meter::PriceBook& book() {
  static const meter::PriceBook built_in = meter::PriceBook::built_in();
  return built_in;
}

// Prose of which no sentence comes twice, so that a word is merged anew as often as in a real conversation.
std::string prose(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i)
    text += fmt::format(
        "In step {} the operator measures what station {} used, writes the figure beside yesterday's, and asks the "
        "clerk whether the difference can be explained by weather alone. ",
        i, i * 7 + 3);
  text.resize(bytes);
  return text;
}

// Some 2 KB in all: a system message, and a conversation of three turns.
std::string chat_body() {
  const std::string text = prose(1800);
  return fmt::format(
      R"({{"model":"gpt-4o","messages":[{{"role":"system","content":"{}"}},{{"role":"user","content":"{}"}},)"
      R"({{"role":"assistant","content":"{}"}},{{"role":"user","content":"{}"}}],"max_completion_tokens":500}})",
      text.substr(0, 500), text.substr(500, 500), text.substr(1000, 400), text.substr(1400));
}

// Beside reading it: what a request is reserved with, and what its usage then costs.
void price_exchange(benchmark::State& state) {
  const simdjson::padded_string body(chat_body());
  const meter::Endpoint endpoint = meter::endpoint_of("POST", "api.openai.com", "/v1/chat/completions");
  const auto request = meter::read_request(endpoint, body);
  ASSERT(request.has_value());
  const meter::Quantities used{.usage = {.input_tokens = 450, .output_tokens = 120, .cached_input_tokens = 128}};
  for (auto _ : state) {
    const meter::PricedModel* const row = meter::row_of(book(), {}, "openai", "gpt-4o", meter::service_of(*request));
    ASSERT(row != nullptr);
    const auto output = meter::most_output(*row, *request);
    ASSERT(output.has_value());
    const auto worst = meter::worst_cost(*row, *request, *output);
    ASSERT(worst.has_value());
    benchmark::DoNotOptimize(worst->nanos());
    const auto bill = meter::bill(*row, used, meter::Service());
    ASSERT(bill.has_value());
    benchmark::DoNotOptimize(bill->cost.nanos());
  }
}
BENCHMARK(price_exchange);

void read_book(benchmark::State& state) {
  for (auto _ : state) {
    const meter::PriceBook read = meter::PriceBook::built_in();
    benchmark::DoNotOptimize(read.models().size());
  }
}
BENCHMARK(read_book)->Unit(benchmark::kMillisecond);

void meter_request(benchmark::State& state, meter::InputBound bound) {
  const simdjson::padded_string body(chat_body());
  const meter::Endpoint endpoint = meter::endpoint_of("POST", "api.openai.com", "/v1/chat/completions");
  const meter::PricedModel* model = book().find("gpt-4o");
  ASSERT(model != nullptr);
  std::int64_t input = 0;
  for (auto _ : state) {
    const auto request = meter::read_request(endpoint, body, bound);
    ASSERT(request.has_value());
    const auto output = meter::most_output(*model, *request);
    ASSERT(output.has_value());
    const auto worst = meter::worst_cost(*model, *request, *output);
    ASSERT(worst.has_value());
    benchmark::DoNotOptimize(worst->nanos());
    input = request->input_bound;
  }
  state.counters["body_bytes"] = static_cast<double>(body.size());
  state.counters["input"] = static_cast<double>(input);
}
BENCHMARK_CAPTURE(meter_request, by_bytes, meter::InputBound::bytes)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(meter_request, counted, meter::InputBound::counted)->Unit(benchmark::kMicrosecond);

void price_alone(benchmark::State& state) {
  const auto request =
      meter::read_copied_request(meter::endpoint_of("POST", "api.openai.com", "/v1/chat/completions"), chat_body());
  ASSERT(request.has_value());
  const meter::PricedModel* model = book().find("gpt-4o");
  for (auto _ : state) benchmark::DoNotOptimize(meter::worst_cost(*model, *request, 500));
}
BENCHMARK(price_alone)->Unit(benchmark::kMicrosecond);

}  // namespace

BENCHMARK_MAIN();
