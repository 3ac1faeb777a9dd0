// Bedrock: its own dialect (converse), and what each model answers to invoke. The head names the counts of every model
// and is the only place for some (metering.md 1.2, and 1.3, trap 9).
#include "meter/json_count.h"
#include "meter/reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;

// Written tokens by how long they are kept: [{"inputTokens": 236, "ttl": "5m"}].
void read_cache_details(const dom::object& usage, Figures& figures) {
  const auto details = member_as<dom::array>(usage, "cacheDetails");
  if (!details) return;
  for (const dom::element item : *details) {
    const auto detail = get_if<dom::object>(item);
    const auto tokens = detail ? count_in(*detail, "inputTokens") : std::nullopt;
    if (!tokens) continue;
    const auto ttl = member_as<std::string_view>(*detail, "ttl");
    auto& sum = ttl == "1h" ? figures.write_1h : figures.write_5m;
    if (ttl == "1h" || ttl == "5m") sum = sum.value_or(0) + *tokens;
  }
}

void take_converse_usage(Reading& reading, const dom::object& usage) {
  take_usage(reading, converse_usage(), usage);
  Figures& figures = reading.figures;
  if (!figures.cached) figures.cached = figures.cached_beside;
  if (!figures.write) figures.write = count_in(usage, "cacheWriteInputTokenCount");
  read_cache_details(usage, figures);
}

// Cache reads and writes stand outside of the input.
void settle_bedrock(const Reading& reading, Reply& reply) {
  const Figures& f = reading.figures;
  Usage& usage = reply.usage.emplace();
  usage.input_tokens = f.input;
  if (f.input) usage.input_tokens = *f.input + f.cached.value_or(0) + f.write.value_or(0);
  usage.output_tokens = f.output;
  usage.cached_input_tokens = f.cached;
  usage.cache_write_tokens = f.write;
  usage.cache_write_5m_tokens = f.write_5m;
  usage.cache_write_1h_tokens = f.write_1h;
  reply.provider_input_tokens = f.input;
  reply.provider_output_tokens = f.output;
  reply.provider_total_tokens = f.total;
}

// --- converse

const JsonPaths& converse_paths() {
  static const JsonPaths paths({"usage", "stopReason", "error"},
                               {"delta.text", "delta.toolUse", "delta.reasoningContent", "delta.*", "start.toolUse"});
  return paths;
}

void read_converse(Reading& reading, const dom::object& object, std::string_view) {
  take_text(object, "stopReason", reading.reply.stop_reason);
  if (const auto usage = object_in(object, "usage")) take_converse_usage(reading, *usage);
}

// --- invoke: the shape of the reply says whose model it is

const JsonPaths& invoke_paths() {
  static const JsonPaths paths(
      {"type", "model", "usage", "stop_reason", "stopReason", "error", "message.model", "message.usage",
       "message.stop_reason", "delta.stop_reason", "metadata.usage", "inputTextTokenCount", "results[].tokenCount",
       "prompt_token_count", "generation_token_count", "amazon-bedrock-invocationMetrics"},
      {"delta.text", "delta.thinking", "delta.partial_json", "content_block.id", "contentBlockDelta.delta",
       "outputText", "generation", "completion", "outputs[].text", "text", "generations[].text"});
  return paths;
}

// Titan: the input beside a list of results, each with its own count.
void read_titan(Reading& reading, const dom::object& object) {
  const auto input = count_in(object, "inputTextTokenCount");
  if (!input) return;
  reading.has_usage = reading.unnumbered = true;
  reading.figures.input = input;
  const auto results = member_as<dom::array>(object, "results");
  if (!results) return;
  for (const dom::element item : *results) {
    const auto result = get_if<dom::object>(item);
    if (const auto tokens = result ? count_in(*result, "tokenCount") : std::nullopt)
      reading.figures.output = reading.figures.output.value_or(0) + *tokens;
  }
}

void read_llama(Reading& reading, const dom::object& object) {
  const auto input = count_in(object, "prompt_token_count");
  const auto output = count_in(object, "generation_token_count");
  if (!input && !output) return;
  reading.has_usage = reading.unnumbered = true;
  if (input) reading.figures.input = input;
  if (output) reading.figures.output = output;
}

void read_invoke(Reading& reading, const dom::object& object, std::string_view text) {
  Reply& reply = reading.reply;
  if (const auto metrics = object_in(object, "amazon-bedrock-invocationMetrics")) {
    UnknownFields unknown;
    reading.metrics = read_figures(converse_usage(), *metrics, unknown);
  }
  const auto metadata = object_in(object, "metadata");
  const auto nova = metadata ? object_in(*metadata, "usage") : object_in(object, "usage");
  if (nova && (member(*nova, "inputTokens") || member(*nova, "outputTokens"))) {
    take_text(object, "stopReason", reply.stop_reason);
    return take_converse_usage(reading, *nova);
  }
  if (nova || member(object, "message") || member(object, "delta"))
    return anthropic_reader.on_object(reading, object, text);
  if (!reading.in_events) {  // in a stream the metrics of the last chunk have them all
    read_titan(reading, object);
    read_llama(reading, object);
    take_text(object, "stop_reason", reply.stop_reason);
  }
}

void settle_invoke(const Reading& reading, Reply& reply) {
  Reading whole = reading;
  Figures& f = whole.figures;
  // The body first; what it lacks is in the metrics of a stream or in the head.
  const auto fill = [&](const Figures& other) {
    Figures filled = other;
    filled.overlay(f);
    f = filled;
  };
  const bool body = reading.has_usage;
  if (reading.metrics && !body) fill(*reading.metrics);
  if (reading.metrics && body && reading.metrics->output != f.output && reading.metrics->output && f.output)
    reply.alarms.push_back("the body's output tokens and the invocation metrics are not the same");
  if (!f.input || !f.output) fill(reading.head.figures);
  settle_bedrock(whole, reply);
  reply.usage->reasoning_tokens = f.reasoning;
  reply.usage->web_search_calls = f.web_searches;
  if (!reading.unnumbered) return;
  reply.provider_input_tokens.reset();
  reply.provider_output_tokens.reset();
}

}  // namespace

const DialectReader converse_reader{converse_paths, read_converse, settle_bedrock};
const DialectReader invoke_reader{invoke_paths, read_invoke, settle_invoke};

}  // namespace meter
