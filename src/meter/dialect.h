#pragma once
// Which dialect a reply is written in: what its provider calls the endpoint, by the request's address.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace meter {

// How usage stands in a reply. Providers that write the same way are one dialect.
enum class Dialect : std::uint8_t {
  chat,          // OpenAI's chat/completions and completions, and all that follow them
  responses,     // OpenAI's responses, and its batches
  runs,          // OpenAI's assistants: GET of a run
  embeddings,    // of any provider, and reranks in OpenAI's manner
  images,        // OpenAI's images
  audio,         // OpenAI's transcriptions and translations
  anthropic,     // messages
  gemini,        // generateContent and streamGenerateContent, of Vertex too
  interactions,  // Gemini's interactions
  converse,      // Bedrock's own
  invoke,        // Bedrock: the model's own, and headers
  cohere,        // chat, embed, rerank and generate of both versions
  ollama,        // its native endpoints
  watsonx,
  aleph_alpha,
  tgi,          // Hugging Face text generation inference: headers
  replicate,    // predictions
  token_count,  // endpoints that count tokens and use none
  none,         // says nothing of what it used
};

struct Endpoint {
  std::string_view provider;  // "openai"; "unknown" for a host that is none of the known
  std::string_view name;      // "chat.completions"; "unknown"
  Dialect dialect = Dialect::none;
  std::string model;  // in the path: Gemini's, Bedrock's, Azure's deployment; else empty
  // How such paths end, with "*" for what is a caller's own ("/responses/*", ":generateContent"); empty: unknown.
  std::string_view pattern = {};
};

// The providers whose dialects are known, by the names that an Endpoint has.
std::span<const std::string_view> providers();
// Whose API answers at this host, without or with a port; empty for a host that is none of the known.
std::string_view provider_of_host(std::string_view host);

// What `provider` calls this address: `path` is whole, without or with a query. Never fails: what nobody knows is of
// dialect none, and so its usage stays unknown. The endpoint keeps the view of the provider's name.
Endpoint endpoint_at(std::string_view provider, std::string_view method, std::string_view path);
// The same for whoever answers at `host`.
Endpoint endpoint_of(std::string_view method, std::string_view host, std::string_view path);

}  // namespace meter
