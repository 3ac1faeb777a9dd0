// Anthropic's messages, plain and streamed, wherever they are served: cache reads and writes stand outside of
// input_tokens (metering.md 1.3, traps 5 to 7).
#include "meter/json_count.h"
#include "meter/reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using Count = std::optional<std::int64_t>;

const JsonPaths& anthropic_paths() {
  static const JsonPaths paths({"type", "model", "usage", "stop_reason", "error", "message.model", "message.usage",
                                "message.stop_reason", "delta.stop_reason"},
                               {"delta.text", "delta.thinking", "delta.partial_json", "delta.*", "content_block.id",
                                "content_block.text", "content_block.data"});
  return paths;
}

void add(Count& sum, const Count& more) {
  if (more) sum = sum.value_or(0) + *more;
}

Usage usage_of(const Figures& f) {
  Usage usage;
  usage.input_tokens = f.input;
  if (usage.input_tokens) *usage.input_tokens += f.cached.value_or(0) + f.write.value_or(0);
  usage.output_tokens = f.output;
  usage.cached_input_tokens = f.cached;
  usage.cache_write_tokens = f.write;
  usage.cache_write_5m_tokens = f.write_5m;
  usage.cache_write_1h_tokens = f.write_1h;
  usage.reasoning_tokens = f.reasoning;
  usage.web_search_calls = f.web_searches;
  return usage;
}

// Each is one pass of a model. Those of the reply's own model are summed up: compaction is in none of the top-level
// numbers. Those of another are billed at that one's price.
void read_iterations(Reading& reading, const dom::array& iterations) {
  Figures own;
  std::vector<OtherModelUsage> others;
  std::size_t count = 0;
  for (const dom::element item : iterations) {
    const auto iteration = get_if<dom::object>(item);
    if (!iteration) continue;
    ++count;
    Reply named;
    take_model(*iteration, "model", named);
    const Figures figures = read_figures(anthropic_usage(), *iteration, reading.unknown);
    if (!named.model.empty() && named.model != reading.reply.model) {
      const auto kind = member_as<std::string_view>(*iteration, "type").value_or("");
      others.push_back({.model = named.model, .kind = std::string(kind), .usage = usage_of(figures)});
      continue;
    }
    for (const auto figure :
         {&Figures::input, &Figures::output, &Figures::cached, &Figures::write, &Figures::write_5m, &Figures::write_1h})
      add(own.*figure, figures.*figure);
  }
  if (count == 0) return;
  reading.own_iterations = own;
  reading.reply.other_models = std::move(others);
}

void read_message(Reading& reading, const dom::object& message) {
  Reply& reply = reading.reply;
  take_model(message, "model", reply);
  take_text(message, "stop_reason", reply.stop_reason);
  const auto usage = object_in(message, "usage");
  if (!usage) return;
  take_text(*usage, "service_tier", reply.service_tier);
  take_text(*usage, "inference_geo", reply.inference_geo);
  take_text(*usage, "speed", reply.speed);
  // The counts of a message_delta are cumulative, and it may name only some of them.
  take_usage(reading, anthropic_usage(), *usage, Merge::overlay);
  if (const auto iterations = member_as<dom::array>(*usage, "iterations")) read_iterations(reading, *iterations);
}

void read_anthropic(Reading& reading, const dom::object& object, std::string_view) {
  take_error(object, reading.reply);
  if (const auto message = object_in(object, "message")) read_message(reading, *message);
  read_message(reading, object);
  if (const auto delta = object_in(object, "delta")) take_text(*delta, "stop_reason", reading.reply.stop_reason);
}

void settle_anthropic(const Reading& reading, Reply& reply) {
  Figures figures = reading.figures;
  reply.provider_input_tokens = figures.input;
  reply.provider_output_tokens = figures.output;
  if (reading.own_iterations) figures.overlay(*reading.own_iterations);
  reply.usage = usage_of(figures);
}

}  // namespace

const DialectReader anthropic_reader{anthropic_paths, read_anthropic, settle_anthropic};

}  // namespace meter
