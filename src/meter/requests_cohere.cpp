// Cohere's chat, generate and embed of both versions (API reference), and reranks of all providers.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "meter/image_head.h"
#include "meter/request_reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using base::invalid;
using base::Status;

Status read_part(const dom::object& part, RequestReading& reading) {
  for (const auto& field : part) {
    if (same_but_for_case(field.key, "image_url") && !field.value.is_null()) take_image(reading);
    if (!same_but_for_case(field.key, "type")) continue;
    const auto type = get_if<std::string_view>(field.value).value_or("");
    if (type != "text" && type != "thinking" && type != "image_url" && type != "document")
      return invalid(fmt::format("a content part of type {:?} cannot be bounded", type), "messages");
  }
  return {};
}
Status read_content(dom::element value, RequestReading& reading) {
  const auto parts = get_if<dom::array>(value);
  if (!parts) return {};
  for (const dom::element element : *parts)
    if (const auto part = get_if<dom::object>(element)) TRY_STATUS(read_part(*part, reading));
  return {};
}
Status read_message(const dom::object& message, RequestReading& reading) {
  return read_member(message, "content", read_content, reading);
}
Status read_messages(dom::element value, RequestReading& reading) {
  return read_messages_with(value, read_message, reading);
}
Status read_max_tokens(dom::element value, RequestReading& reading) {
  return read_output_cap("max_tokens", value, reading);
}
Status read_generations(dom::element value, RequestReading& reading) {
  TRY(const auto count, read_count("num_generations", value, 1, 128));
  reading.out.choices = reading.input.copies = count.value_or(1);  // the prompt is billed with each
  return {};
}
Status read_conversation(dom::element value, RequestReading& reading) {
  if (!value.is_null()) reading.unsized = true;
  return {};
}
// A connector looks things up for the model as often as it likes; an empty list asks for none.
Status read_connectors(dom::element value, RequestReading&) {
  const auto list = get_if<dom::array>(value);
  if (value.is_null() || (list && list->size() == 0)) return {};
  return invalid("'connectors' is refused: what they find cannot be bounded", "connectors");
}

constexpr std::array chat_fields{
    RequestField{"model", read_model},
    RequestField{"messages", read_messages},
    RequestField{"message", read_prompt},
    RequestField{"chat_history", read_beside},
    RequestField{"preamble", read_beside},
    RequestField{"documents", read_beside},
    RequestField{"tool_results", read_beside},
    RequestField{"tools", take_tools},
    RequestField{"response_format", take_schema},
    RequestField{"stream", read_stream},
    RequestField{"max_tokens", read_max_tokens},
    RequestField{"num_generations", read_generations},
    RequestField{"conversation_id", read_conversation},
    RequestField{"connectors", read_connectors},
};
Status read_chat(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, chat_fields, "", reading));
  if (reading.input.messages == 0) return invalid("'messages' is missing", "messages");
  return {};
}

constexpr std::array generate_fields{
    RequestField{"model", read_model},
    RequestField{"prompt", read_prompt},
    RequestField{"stream", read_stream},
    RequestField{"max_tokens", read_max_tokens},
    RequestField{"num_generations", read_generations},
    refused_field("preset", "what it sets is not in the request"),
};
Status read_generate(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, generate_fields, "", reading));
  if (reading.input.messages == 0) return invalid("'prompt' is missing", "prompt");
  return {};
}

constexpr std::array embed_fields{
    RequestField{"model", read_model},
    RequestField{"texts", read_prompt},
    refused_field("images", "what an image costs in an embedding has no bound here"),
    refused_field("inputs", "what they hold has no bound here"),
};
Status read_embed(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, embed_fields, "", reading));
  if (reading.input.messages == 0) return invalid("'texts' is missing", "texts");
  reading.out.output_cap = 0;
  reading.input.counts_only_texts = true;
  return {};
}

// A search unit is a query with up to 100 documents; one that is longer than 500 tokens with the query, of which there
// are 256 at most, is several (Cohere's pricing page). A token is at least a byte.
constexpr std::int64_t documents_per_unit = 100;
constexpr std::int64_t least_tokens_per_chunk = 500 - 256;

struct RerankTexts {
  std::int64_t query_bytes = 0;
  std::int64_t documents = 0;
  std::int64_t chunks = 0;
};

std::int64_t bytes_in(dom::element value) {
  InputText texts;
  collect_text(value, texts);
  std::int64_t bytes = texts.scalars * 8;
  for (const std::string_view text : texts.texts) bytes += static_cast<std::int64_t>(text.size());
  return bytes;
}

base::Result<RerankTexts> texts_of(const dom::object& root) {
  RerankTexts out;
  for (const auto& member : root) {
    if (member.key == "query") {
      const auto query = get_if<std::string_view>(member.value);
      if (!query) return wrong_type("query", "a string");
      out.query_bytes = static_cast<std::int64_t>(query->size());
    } else if (member.key == "documents") {
      const auto documents = get_if<dom::array>(member.value);
      if (!documents) return wrong_type("documents", "a list of documents");
      for (const dom::element document : *documents) {
        ++out.documents;
        out.chunks += 1 + bytes_in(document) / least_tokens_per_chunk;
      }
    }
  }
  if (out.documents == 0) return invalid("'documents' is missing", "documents");
  return out;
}

Status read_nothing(dom::element, RequestReading&) { return {}; }
constexpr std::array rerank_fields{
    RequestField{"model", read_model},
    RequestField{"query", read_nothing},
    RequestField{"documents", read_nothing},
};

// Of providers that bill tokens, the query is read with every document.
Status read_rerank(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, rerank_fields, "", reading));
  TRY(const RerankTexts texts, texts_of(root));
  reading.out.search_units = (texts.chunks + documents_per_unit - 1) / documents_per_unit;
  reading.out.input_bound += texts.documents * (texts.query_bytes + input_margin_tokens);
  reading.out.output_cap = 0;
  reading.input.unbounded_by_count = true;
  return {};
}

constexpr std::array readers{
    RequestReader{"v1.chat", Dialect::cohere, read_chat, "max_tokens"},
    RequestReader{"v2.chat", Dialect::cohere, read_chat, "max_tokens"},
    RequestReader{"v1.generate", Dialect::cohere, read_generate, "max_tokens"},
    RequestReader{"embed", Dialect::cohere, read_embed},
    RequestReader{"rerank", Dialect::cohere, read_rerank},
    RequestReader{"rerank", Dialect::embeddings, read_rerank},
};

}  // namespace

std::span<const RequestReader> cohere_requests() { return readers; }

}  // namespace meter
