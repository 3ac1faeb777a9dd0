#include "meter/chat_reply.h"

#include <algorithm>
#include <array>
#include <string>

#include "meter/json_count.h"
#include "meter/json_document.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;

void read_input_details(dom::element value, Usage& usage) {
  const auto details = get_if<dom::object>(value);
  if (!details) return;
  for (const auto& field : *details) {
    if (field.key == "cached_tokens") {
      usage.cached_input_tokens = read_count(field.value);
    } else if (field.key == "audio_tokens") {
      usage.audio_input_tokens = read_count(field.value);
    } else if (field.key == "cache_write_tokens") {
      usage.cache_write_tokens = read_count(field.value);
    }
  }
}

void read_output_details(dom::element value, Usage& usage) {
  const auto details = get_if<dom::object>(value);
  if (!details) return;
  for (const auto& field : *details) {
    if (field.key == "reasoning_tokens") {
      usage.reasoning_tokens = read_count(field.value);
    } else if (field.key == "audio_tokens") {
      usage.audio_output_tokens = read_count(field.value);
    }
  }
}

Usage read_usage(dom::object object) {
  Usage usage;
  std::optional<std::int64_t> total;
  std::optional<std::int64_t> cached;  // outside of the details: Moonshot, Together and Hugging Face; Mistral
  for (const auto& field : object) {
    if (field.key == "prompt_tokens") {
      usage.input_tokens = read_count(field.value);
    } else if (field.key == "completion_tokens") {
      usage.output_tokens = read_count(field.value);
    } else if (field.key == "total_tokens") {
      total = read_count(field.value);
    } else if (field.key == "prompt_tokens_details") {
      read_input_details(field.value, usage);
    } else if (field.key == "completion_tokens_details") {
      read_output_details(field.value, usage);
    } else if (field.key == "cached_tokens" || field.key == "num_cached_tokens") {
      cached = read_count(field.value);
    }
  }
  if (!usage.cached_input_tokens) usage.cached_input_tokens = cached;
  if (usage.input_tokens && usage.output_tokens && total && *total > *usage.input_tokens + *usage.output_tokens)
    usage.output_tokens = *total - *usage.input_tokens;
  return usage;
}

// The members that a plain body and a chunk share. True if `value` held a usage object.
bool read_usage_member(dom::element value, ChatReply& reply) {
  const auto object = get_if<dom::object>(value);
  if (!object) return false;
  const Usage usage = read_usage(*object);
  // An object that names neither count says nothing, and must not replace one that did.
  if (usage.input_tokens || usage.output_tokens || !reply.usage) reply.usage = usage;
  return true;
}

void read_common(const dom::key_value_pair& field, ChatReply& reply) {
  if (field.key == "model") {
    if (const auto model = get_if<std::string_view>(field.value); model && !model->empty()) reply.model = *model;
  } else if (field.key == "service_tier") {
    if (const auto tier = get_if<std::string_view>(field.value)) reply.service_tier = *tier;
  } else if (field.key == "error") {
    reply.is_error = reply.is_error || !field.value.is_null();
  }
}

// The bytes of all texts in a value; at least 1 where there is an item or a member. 0: it says nothing.
std::int64_t text_bytes(dom::element value) {
  if (const auto text = get_if<std::string_view>(value)) return std::ssize(*text);
  std::int64_t bytes = 0;
  if (const auto items = get_if<dom::array>(value)) {
    for (const dom::element item : *items) bytes += std::max<std::int64_t>(1, text_bytes(item));
  } else if (const auto members = get_if<dom::object>(value)) {
    for (const auto& member : *members) bytes += std::max<std::int64_t>(1, text_bytes(member.value));
  }
  return bytes;
}

// The names that providers use for output; a name that is not here (role, annotations) may come with no token at all.
bool names_output(std::string_view name) {
  for (const std::string_view output :
       {"content", "tool_calls", "reasoning_content", "reasoning", "refusal", "audio", "function_call"})
    if (name == output) return true;
  return false;
}

// Whether a choice of a chunk brings output; adds what its delta says to `bytes`.
bool carries_output(dom::element choice, std::int64_t& bytes) {
  dom::object delta;
  if (choice["delta"].get(delta) != simdjson::SUCCESS) return false;
  bool output = false;
  for (const auto& field : delta) {
    const std::int64_t said = text_bytes(field.value);
    bytes += said;
    output = output || (said > 0 && names_output(field.key));
  }
  return output;
}

// A padded copy in the thread's buffer: the event's bytes stand in the middle of what the network delivered.
std::string_view padded(std::string_view data, std::string& own) {
  constexpr std::size_t kept_bytes = 1 << 16;
  thread_local std::array<char, kept_bytes + simdjson::SIMDJSON_PADDING> buffer;
  if (data.size() <= kept_bytes) {
    std::ranges::copy(data, buffer.begin());
    return {buffer.data(), data.size()};
  }
  own.reserve(data.size() + simdjson::SIMDJSON_PADDING);
  own = data;
  return own;
}

}  // namespace

ChatReply read_chat_reply(std::string_view body) {
  ChatReply reply;
  const JsonDocument document(body);
  const auto root = document.object();
  if (!root) return reply;
  for (const auto& field : *root) {
    if (field.key == "usage") {
      read_usage_member(field.value, reply);
    } else {
      read_common(field, reply);
    }
  }
  return reply;
}

std::int64_t ChatStreamReader::output_bound() const {
  const auto reported = reply_.usage ? reply_.usage->output_tokens : std::nullopt;
  return std::max(output_bytes_, reported.value_or(0));
}

ChatStreamReader::Verdict ChatStreamReader::on_event(std::string_view data) {
  if (data.starts_with("[DONE]")) done_ = true;
  if (data.empty() || done_) return Verdict::pass;
  std::string own;
  const JsonDocument document(padded(data, own));
  const auto root = document.object();
  if (!root) return Verdict::pass;

  bool usage = false;
  bool no_choices = false;
  bool output = false;
  std::optional<dom::element> groq;
  for (const auto& field : *root) {
    if (field.key == "usage") {
      usage = read_usage_member(field.value, reply_);
    } else if (field.key == "x_groq") {
      groq = field.value;
    } else if (field.key == "choices") {
      const auto choices = get_if<dom::array>(field.value);
      if (!choices) continue;
      no_choices = choices->begin() == choices->end();
      for (const dom::element choice : *choices) output = carries_output(choice, output_bytes_) || output;
    } else {
      read_common(field, reply_);
    }
  }
  if (output) ++output_chunks_;
  if (dom::element value; !usage && groq && (*groq)["usage"].get(value) == simdjson::SUCCESS)
    read_usage_member(value, reply_);
  return usage && no_choices && !reply_.is_error ? Verdict::usage_only : Verdict::pass;
}

}  // namespace meter
