// Dialects that one provider speaks.
#include "meter/json_count.h"
#include "meter/reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;

void settle_plain(const Reading& reading, Reply& reply) {
  Usage& usage = reply.usage.emplace();
  usage.input_tokens = reading.figures.input;
  usage.output_tokens = reading.figures.output;
}

void take_counts(Reading& reading, const dom::object& object, std::string_view input, std::string_view output) {
  const auto in = count_in(object, input);
  const auto out = count_in(object, output);
  if (!in && !out) return;
  reading.has_usage = true;
  if (in) reading.figures.input = in;
  if (out) reading.figures.output = out;
}

// --- Cohere: billed_units are what is charged, tokens what was counted (metering.md 1.3, trap 10)

const JsonPaths& cohere_paths() {
  static const JsonPaths paths({"usage", "meta", "finish_reason", "delta.usage", "delta.finish_reason", "response.meta",
                                "response.finish_reason", "message"},
                               {"delta.message.content.text", "delta.message.content.thinking",
                                "delta.message.tool_plan", "delta.message.tool_calls", "text"});
  return paths;
}

void read_cohere_part(Reading& reading, const dom::object& object, std::string_view usage_name) {
  take_text(object, "finish_reason", reading.reply.stop_reason);
  const auto usage = object_in(object, usage_name);
  if (usage && (member(*usage, "billed_units") || member(*usage, "tokens")))
    take_usage(reading, cohere_usage(), *usage);
}

void read_cohere(Reading& reading, const dom::object& object, std::string_view) {
  constexpr std::size_t message_bytes_max = 80;
  read_cohere_part(reading, object, "usage");
  read_cohere_part(reading, object, "meta");
  if (const auto delta = object_in(object, "delta")) read_cohere_part(reading, *delta, "usage");
  if (const auto response = object_in(object, "response")) read_cohere_part(reading, *response, "meta");
  if (const auto message = member_as<std::string_view>(object, "message"); message && reading.status >= 400)
    reading.reply.error_type = std::string(message->substr(0, message_bytes_max));
}

void settle_cohere(const Reading& reading, Reply& reply) {
  const Figures& f = reading.figures;
  Usage& usage = reply.usage.emplace();
  const bool billed = f.billed_input || f.billed_output || f.search_units;
  usage.input_tokens = billed ? f.billed_input : f.input;
  usage.output_tokens = billed ? f.billed_output : f.output;
  usage.image_input_tokens = f.image_in;
  usage.search_units = f.search_units;
  reply.provider_input_tokens = f.input;
  reply.provider_output_tokens = f.output;
}

// --- Ollama: a prompt that is cached has no count, which is unknown and not none (trap 11)

const JsonPaths& ollama_paths() {
  static const JsonPaths paths({"model", "prompt_eval_count", "eval_count", "done", "done_reason", "error"},
                               {"message.content", "message.thinking", "message.tool_calls", "response"});
  return paths;
}

void read_ollama(Reading& reading, const dom::object& object, std::string_view) {
  take_model(object, "model", reading.reply);
  take_text(object, "done_reason", reading.reply.stop_reason);
  take_error(object, reading.reply);
  take_counts(reading, object, "prompt_eval_count", "eval_count");
}

void settle_ollama(const Reading& reading, Reply& reply) {
  settle_plain(reading, reply);
  reply.provider_input_tokens = reading.figures.input;
  reply.provider_output_tokens = reading.figures.output;
}

// --- watsonx: the input stands in the first event only, the output is cumulative

const JsonPaths& watsonx_paths() {
  static const JsonPaths paths{"model_id", "results[].input_token_count", "results[].generated_token_count",
                               "results[].stop_reason", "errors"};
  return paths;
}

void read_watsonx(Reading& reading, const dom::object& object, std::string_view) {
  take_model(object, "model_id", reading.reply);
  const auto results = member_as<dom::array>(object, "results");
  if (!results) return;
  for (const dom::element item : *results) {
    const auto result = get_if<dom::object>(item);
    if (!result) continue;
    const Figures before = reading.figures;
    take_counts(reading, *result, "input_token_count", "generated_token_count");
    for (const auto figure : {&Figures::input, &Figures::output})
      if (before.*figure) reading.figures.*figure = std::max(reading.figures.*figure, before.*figure);
    take_text(*result, "stop_reason", reading.reply.stop_reason);
  }
}

// --- Aleph Alpha

const JsonPaths& aleph_alpha_paths() {
  static const JsonPaths paths{"model_version", "num_tokens_prompt_total", "num_tokens_generated", "error"};
  return paths;
}

void read_aleph_alpha(Reading& reading, const dom::object& object, std::string_view) {
  take_model(object, "model_version", reading.reply);
  take_error(object, reading.reply);
  take_counts(reading, object, "num_tokens_prompt_total", "num_tokens_generated");
}

// --- Hugging Face text generation inference: the head names both

const JsonPaths& tgi_paths() {
  static const JsonPaths paths{"error"};
  return paths;
}

void read_tgi(Reading& reading, const dom::object& object, std::string_view) { take_error(object, reading.reply); }

void settle_tgi(const Reading& reading, Reply& reply) {
  reply.usage = Usage{.input_tokens = reading.head.figures.input, .output_tokens = reading.head.figures.output};
}

// --- Replicate: language models name their counts once they are done

const JsonPaths& replicate_paths() {
  static const JsonPaths paths{"metrics.input_token_count", "metrics.output_token_count"};
  return paths;
}

void read_replicate(Reading& reading, const dom::object& object, std::string_view) {
  if (const auto metrics = object_in(object, "metrics"))
    take_counts(reading, *metrics, "input_token_count", "output_token_count");
}

// --- what says nothing

const JsonPaths& none_paths() {
  static const JsonPaths paths{"error", "usage", "usageMetadata"};
  return paths;
}

void read_none(Reading& reading, const dom::object& object, std::string_view) {
  take_error(object, reading.reply);
  for (const std::string_view name : {"usage", "usageMetadata"})
    if (object_in(object, name)) reading.unknown.note(name);
}

}  // namespace

const DialectReader cohere_reader{cohere_paths, read_cohere, settle_cohere};
const DialectReader ollama_reader{ollama_paths, read_ollama, settle_ollama};
const DialectReader watsonx_reader{watsonx_paths, read_watsonx, settle_plain};
const DialectReader aleph_alpha_reader{aleph_alpha_paths, read_aleph_alpha, settle_plain};
const DialectReader tgi_reader{tgi_paths, read_tgi, settle_tgi};
const DialectReader replicate_reader{replicate_paths, read_replicate, settle_plain};
const DialectReader none_reader{none_paths, read_none, settle_plain};

}  // namespace meter
