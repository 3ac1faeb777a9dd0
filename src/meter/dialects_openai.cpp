// OpenAI's dialects, which most other providers speak as well.
#include <algorithm>

#include "meter/json_count.h"
#include "meter/reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;

// Numbers of one meaning: the input is all input, and the output all output. Where the total is larger than input and
// output, the difference is thinking that is billed and not counted as output (metering.md 1.3, trap 3).
void settle_counts(const Reading& reading, Reply& reply) {
  const Figures& f = reading.figures;
  Usage& usage = reply.usage.emplace();
  usage.input_tokens = f.input;
  usage.output_tokens = f.output;
  if (f.input && f.output && f.total && *f.total > *f.input + *f.output) usage.output_tokens = *f.total - *f.input;
  usage.cached_input_tokens = f.cached ? f.cached : f.cached_beside;
  usage.cache_write_tokens = f.write;
  usage.reasoning_tokens = f.reasoning;
  usage.audio_input_tokens = f.audio_in;
  usage.audio_output_tokens = f.audio_out;
  usage.image_input_tokens = f.image_in;
  usage.image_output_tokens = f.image_out;
  usage.web_search_calls = reading.calls.web_searches ? reading.calls.web_searches : f.web_searches;
  usage.file_search_calls = reading.calls.file_searches;
  usage.code_interpreter_calls = reading.calls.code_interpreters;
  usage.citation_tokens = f.citations;
  usage.audio_seconds = f.seconds;
  usage.images = reading.calls.images;
  reply.provider_input_tokens = f.input;
  reply.provider_output_tokens = f.output;
  reply.provider_total_tokens = f.total;
}

// --- chat and completions

const JsonPaths& chat_paths() {
  static const JsonPaths paths(
      {"model", "usage", "x_groq.usage", "service_tier", "error", "choices[].index", "choices[].finish_reason"},
      // The names that providers use for output; with others (role, annotations) may come no token at all.
      {"choices[].delta.content", "choices[].delta.tool_calls", "choices[].delta.reasoning_content",
       "choices[].delta.reasoning", "choices[].delta.refusal", "choices[].delta.audio", "choices[].delta.function_call",
       "choices[].delta.*", "choices[].text"});
  return paths;
}

void read_choices(const dom::array& choices, Reply& reply) {
  std::int64_t count = 0;
  for (const dom::element item : choices) {
    const auto choice = get_if<dom::object>(item);
    if (!choice) continue;
    count = std::max(count + 1, count_in(*choice, "index").value_or(0) + 1);
    if (count == 1 || !reply.stop_reason) take_text(*choice, "finish_reason", reply.stop_reason);
  }
  reply.choices = std::max(reply.choices.value_or(0), count);
}

// In one pass, for this is every call's reply.
void read_chat(Reading& reading, const dom::object& object, std::string_view text) {
  Reply& reply = reading.reply;
  std::optional<dom::object> usage;
  std::optional<dom::object> groq;
  bool no_choices = false;
  for (const auto& [name, value] : object) {
    if (name == "model") {
      take_model(value, reply);
    } else if (name == "usage") {
      usage = get_if<dom::object>(value);
    } else if (name == "choices") {
      const auto choices = get_if<dom::array>(value);
      no_choices = choices && choices->begin() == choices->end();
      if (choices) read_choices(*choices, reply);
    } else if (name == "service_tier") {
      // In a chunk an empty tier says nothing (Snowflake).
      const auto tier = get_if<std::string_view>(value);
      if (tier && (!reading.in_events || !tier->empty())) reply.service_tier = std::string(*tier);
    } else if (name == "error") {
      take_error(value, reply);
    } else if (name == "x_groq") {
      groq = get_if<dom::object>(value);
    }
  }
  if (usage) {
    take_usage(reading, chat_usage(), *usage);
    take_cost(reply, *usage, text, {"usage"});
    reading.usage_only = reading.in_events && no_choices && !reply.error_type;
  } else if (const auto inner = groq ? object_in(*groq, "usage") : std::nullopt) {
    take_usage(reading, chat_usage(), *inner);
  }
}

// --- responses

const JsonPaths& responses_paths() {
  static const JsonPaths paths({"type", "model", "usage", "service_tier", "status", "error", "code", "output[].type",
                                "tool_usage", "response.model", "response.usage", "response.service_tier",
                                "response.status", "response.error", "response.output[].type", "response.tool_usage"},
                               {"delta"});
  return paths;
}

// Tools that are billed by the call.
void count_tools(const dom::array& output, Figures& figures) {
  figures.web_searches = figures.file_searches = figures.code_interpreters = 0;
  for (const dom::element item : output) {
    const auto object = get_if<dom::object>(item);
    const auto type = object ? member_as<std::string_view>(*object, "type") : std::nullopt;
    if (type == "web_search_call") ++*figures.web_searches;
    if (type == "file_search_call") ++*figures.file_searches;
    if (type == "code_interpreter_call") ++*figures.code_interpreters;
  }
}

// Pictures that were made on the way have tokens of their own, at the price of another model that the reply does not
// name (metering.md 1.3, trap 14).
void read_tool_usage(Reading& reading, const dom::object& response) {
  const auto tools = object_in(response, "tool_usage");
  const auto images = tools ? object_in(*tools, "image_gen") : std::nullopt;
  if (!images) return;
  const Figures made = read_figures(responses_usage(), *images, reading.unknown);
  if (made.total.value_or(0) == 0) return;
  reading.reply.other_models = {{.model = {},
                                 .kind = "image_generation",
                                 .usage = {.input_tokens = made.input,
                                           .output_tokens = made.output,
                                           .image_input_tokens = made.image_in,
                                           .image_output_tokens = made.image_out}}};
}

void read_response(Reading& reading, const dom::object& response, std::string_view text,
                   std::initializer_list<std::string_view> usage_path) {
  Reply& reply = reading.reply;
  take_model(response, "model", reply);
  take_text(response, "service_tier", reply.service_tier);
  take_text(response, "status", reply.stop_reason);
  take_error(response, reply);
  if (const auto usage = object_in(response, "usage")) {
    take_usage(reading, responses_usage(), *usage);
    take_cost(reply, *usage, text, usage_path);
  }
  if (const auto output = member_as<dom::array>(response, "output")) count_tools(*output, reading.calls);
  read_tool_usage(reading, response);
}

void read_responses(Reading& reading, const dom::object& object, std::string_view text) {
  if (const auto response = object_in(object, "response"))
    return read_response(reading, *response, text, {"response", "usage"});
  if (!member(object, "type")) return read_response(reading, object, text, {"usage"});
  // An event; of those without a response only errors matter.
  if (member_as<std::string_view>(object, "type") != "error") return;
  take_error(object, reading.reply);
  if (!reading.reply.error_type) take_text(object, "code", reading.reply.error_type);
}

// --- runs of assistants

const JsonPaths& runs_paths() {
  static const JsonPaths paths{"object", "model", "usage", "status", "last_error", "error"};
  return paths;
}

// A run names its usage once it is completed. In a stream the events of a run and of its steps look alike, and the
// service has ended: there nothing is believed.
void read_run(Reading& reading, const dom::object& object, std::string_view) {
  Reply& reply = reading.reply;
  take_error(object, reply);
  const auto usage = object_in(object, "usage");
  if (!usage) return;
  if (reading.in_events) return reading.unknown.note("usage");
  take_model(object, "model", reply);
  take_text(object, "status", reply.stop_reason);
  take_usage(reading, chat_usage(), *usage);
}

// --- embeddings and reranks of all providers

const JsonPaths& embeddings_paths() {
  static const JsonPaths paths{"model",
                               "usage",
                               "usageMetadata",
                               "error",
                               "data[].index",
                               "embeddings[].index",
                               "predictions[].index",
                               "metadata.billableCharacterCount"};
  return paths;
}

void read_embeddings(Reading& reading, const dom::object& object, std::string_view) {
  Reply& reply = reading.reply;
  take_model(object, "model", reply);
  take_error(object, reply);
  for (const std::string_view name : {"data", "embeddings", "predictions"})
    if (const auto length = length_of(object, name)) reply.choices = length;
  if (const auto usage = object_in(object, "usage")) take_usage(reading, chat_usage(), *usage);
  if (const auto usage = object_in(object, "usageMetadata")) take_usage(reading, gemini_usage(), *usage);
  if (const auto metadata = object_in(object, "metadata"))
    reading.calls.characters = count_in(*metadata, "billableCharacterCount");
}

void settle_embeddings(const Reading& reading, Reply& reply) {
  settle_counts(reading, reply);
  // Voyage names only the total, and all of it is input.
  if (!reply.usage->input_tokens) reply.usage->input_tokens = reading.figures.total;
  reply.usage->characters = reading.calls.characters;
}

// --- images and audio

const JsonPaths& images_paths() {
  static const JsonPaths paths{"usage", "error", "data[].index"};
  return paths;
}

void read_images(Reading& reading, const dom::object& object, std::string_view) {
  take_error(object, reading.reply);
  if (const auto usage = object_in(object, "usage")) take_usage(reading, responses_usage(), *usage);
  if (const auto length = length_of(object, "data")) reading.reply.choices = reading.calls.images = length;
}

const JsonPaths& audio_paths() {
  static const JsonPaths paths{"usage", "error"};
  return paths;
}

void read_audio(Reading& reading, const dom::object& object, std::string_view) {
  take_error(object, reading.reply);
  if (const auto usage = object_in(object, "usage")) take_usage(reading, responses_usage(), *usage);
}

// --- endpoints that count

const JsonPaths& token_count_paths() {
  static const JsonPaths paths{"input_tokens", "totalTokens", "inputTokens", "tokens[]", "error"};
  return paths;
}

void read_token_count(Reading& reading, const dom::object& object, std::string_view) {
  Reply& reply = reading.reply;
  take_error(object, reply);
  for (const std::string_view name : {"input_tokens", "totalTokens", "inputTokens"})
    if (const auto count = count_in(object, name)) reply.counted_tokens = count;
  if (const auto length = length_of(object, "tokens")) reply.counted_tokens = length;
}

}  // namespace

const DialectReader chat_reader{chat_paths, read_chat, settle_counts};
const DialectReader responses_reader{responses_paths, read_responses, settle_counts};
const DialectReader runs_reader{runs_paths, read_run, settle_counts};
const DialectReader embeddings_reader{embeddings_paths, read_embeddings, settle_embeddings};
const DialectReader images_reader{images_paths, read_images, settle_counts};
const DialectReader audio_reader{audio_paths, read_audio, settle_counts};
const DialectReader token_count_reader{token_count_paths, read_token_count, settle_counts};

}  // namespace meter
