// Gemini, at Google and at Vertex: candidates exclude thoughts, the prompt excludes what tools put into it
// (metering.md 1.3, traps 3 and 4).
#include "meter/json_count.h"
#include "meter/reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;

const JsonPaths& gemini_paths() {
  static const JsonPaths paths(
      {"modelVersion", "usageMetadata", "candidates[].finishReason", "candidates[].groundingMetadata.webSearchQueries",
       "promptFeedback.blockReason", "error"},
      {"candidates[].content.parts[].text", "candidates[].content.parts[].functionCall",
       "candidates[].content.parts[].executableCode"});
  return paths;
}

// A reason is a name, or a number of Vertex's enumeration.
std::optional<std::string> reason_in(const dom::object& object, std::string_view name) {
  const auto reason = member(object, name);
  if (!reason) return std::nullopt;
  if (const auto text = get_if<std::string_view>(*reason)) return std::string(*text);
  const auto number = get_if<std::int64_t>(*reason);
  return number ? std::optional(std::to_string(*number)) : std::nullopt;
}

void read_candidates(Reading& reading, const dom::object& object) {
  Reply& reply = reading.reply;
  const auto candidates = member_as<dom::array>(object, "candidates");
  if (!candidates) return;
  std::int64_t count = 0;
  for (const dom::element item : *candidates) {
    const auto candidate = get_if<dom::object>(item);
    if (!candidate) continue;
    ++count;
    if (auto reason = reason_in(*candidate, "finishReason")) reply.stop_reason = std::move(reason);
    const auto grounding = object_in(*candidate, "groundingMetadata");
    const auto queries = grounding ? length_of(*grounding, "webSearchQueries") : std::nullopt;
    if (queries) reading.calls.web_searches = queries;
  }
  if (count > 0) reply.choices = std::max(reply.choices.value_or(0), count);
}

void read_gemini(Reading& reading, const dom::object& object, std::string_view) {
  Reply& reply = reading.reply;
  take_model(object, "modelVersion", reply);
  if (reply.model.starts_with("models/")) reply.model.erase(0, std::string_view("models/").size());
  take_error(object, reply);
  read_candidates(reading, object);
  if (const auto feedback = object_in(object, "promptFeedback"))
    if (const auto reason = reason_in(*feedback, "blockReason")) reply.stop_reason = "blocked:" + *reason;
  const auto usage = object_in(object, "usageMetadata");
  if (!usage) return;
  take_text(*usage, "trafficType", reply.traffic_type);
  take_text(*usage, "serviceTier", reply.traffic_type);
  take_usage(reading, gemini_usage(), *usage);
}

void settle_gemini(const Reading& reading, Reply& reply) {
  const Figures& f = reading.figures;
  Usage& usage = reply.usage.emplace();
  usage.input_tokens = f.input;
  if (f.input) usage.input_tokens = *f.input + f.tool_use.value_or(0);
  if (f.output || f.reasoning) {
    usage.output_tokens = f.output.value_or(0) + f.reasoning.value_or(0);
  } else if (f.total && usage.input_tokens && *f.total >= *usage.input_tokens) {
    usage.output_tokens = *f.total - *usage.input_tokens;  // nothing was answered, or all of it is hidden
  }
  usage.cached_input_tokens = f.cached;
  usage.cached_audio_input_tokens = f.cached_audio;
  usage.reasoning_tokens = f.reasoning;
  usage.tool_use_input_tokens = f.tool_use;
  usage.audio_input_tokens = f.audio_in;
  usage.audio_output_tokens = f.audio_out;
  usage.image_input_tokens = f.image_in;
  usage.image_output_tokens = f.image_out;
  usage.web_search_calls = reading.calls.web_searches;
  reply.provider_input_tokens = f.input;
  reply.provider_output_tokens = f.output;
  reply.provider_total_tokens = f.total;
}

// --- interactions

const JsonPaths& interactions_paths() {
  static const JsonPaths paths{"usage",
                               "status",
                               "model",
                               "service_tier",
                               "error",
                               "interaction.usage",
                               "interaction.status",
                               "interaction.model",
                               "interaction.service_tier",
                               "interaction.error"};
  return paths;
}

void read_interaction(Reading& reading, const dom::object& object, std::string_view) {
  Reply& reply = reading.reply;
  take_error(object, reply);
  const dom::object interaction = object_in(object, "interaction").value_or(object);
  take_error(interaction, reply);
  take_model(interaction, "model", reply);
  take_text(interaction, "status", reply.stop_reason);
  take_text(interaction, "service_tier", reply.traffic_type);
  if (const auto usage = object_in(interaction, "usage")) take_usage(reading, interactions_usage(), *usage);
}

}  // namespace

const DialectReader gemini_reader{gemini_paths, read_gemini, settle_gemini};
const DialectReader interactions_reader{interactions_paths, read_interaction, settle_gemini};

}  // namespace meter
