// Any bytes may come as a request body, at any address: the first byte chooses one. What is accepted can be changed, is
// accepted again, and then says what was put into it and nothing else that it did not say before.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "meter/request_edit.h"
#include "meter/request_reader.h"
#include "meter/worst_cost.h"

namespace {

struct Address {
  std::string_view host;
  std::string_view path;
};
constexpr std::array addresses{
    Address{"api.openai.com", "/v1/chat/completions"},
    Address{"api.openai.com", "/v1/completions"},
    Address{"api.openai.com", "/v1/responses"},
    Address{"api.openai.com", "/v1/embeddings"},
    Address{"api.openai.com", "/v1/moderations"},
    Address{"api.openai.com", "/v1/images/generations"},
    Address{"api.openai.com", "/v1/audio/speech"},
    Address{"api.openai.com", "/v1/audio/transcriptions"},
    Address{"api.anthropic.com", "/v1/messages"},
    Address{"api.anthropic.com", "/v1/messages/count_tokens"},
    Address{"generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-pro:generateContent"},
    Address{"generativelanguage.googleapis.com", "/v1beta/models/gemini-embedding-2:batchEmbedContents"},
    Address{"bedrock-runtime.us-east-1.amazonaws.com", "/model/amazon.nova-lite-v1:0/converse"},
    Address{"bedrock-runtime.us-east-1.amazonaws.com", "/model/anthropic.claude-3/invoke"},
    Address{"bedrock-runtime.us-east-1.amazonaws.com", "/model/amazon.titan-text-lite-v1/invoke"},
    Address{"bedrock-runtime.us-east-1.amazonaws.com", "/model/meta.llama3-8b/invoke"},
    Address{"api.cohere.com", "/v2/chat"},
    Address{"api.cohere.com", "/v1/chat"},
    Address{"api.cohere.com", "/v2/rerank"},
    Address{"localhost", "/api/chat"},
    Address{"localhost", "/api/generate"},
};

void check_caps(const meter::Endpoint& endpoint, const meter::Request& request, std::string_view body) {
  const bool chat = endpoint.name == "chat.completions";
  if (request.output_cap == 0 || request.images > 0) return;  // nothing to cap
  if (request.output_cap_path.empty() && !chat) return;
  const std::string path = request.output_cap_path.empty() ? "max_completion_tokens" : request.output_cap_path;
  const auto capped = meter::read_copied_request(endpoint, meter::with_member(body, path, "17"));
  if (!capped) {
    // A body at the limit of fields has no room for one more.
    ASSERT(capped.error().message.starts_with("more than"));
    return;
  }
  ASSERT(capped->output_cap_path == path);
  ASSERT(capped->output_cap == 17 || !request.output_cap);  // of images, no cap is believed
  ASSERT(capped->model == request.model);
  ASSERT(capped->choices == request.choices);
  ASSERT(capped->tier == request.tier);
  ASSERT(capped->context_passes == request.context_passes);
  ASSERT(capped->web_searches == request.web_searches);
}

void check_usage_asked(const meter::Endpoint& endpoint, const meter::Request& request, std::string_view body) {
  if (!meter::asks_for_usage(endpoint)) return;
  const auto asked = meter::read_copied_request(endpoint, meter::with_usage_in_stream(body));
  if (!asked) {
    ASSERT(asked.error().message.starts_with("more than"));
    return;
  }
  ASSERT(asked->include_usage);
  ASSERT(asked->stream == request.stream);
  ASSERT(asked->output_cap == request.output_cap);
}

void check_cost(const meter::Request& request) {
  static const auto book = meter::PriceBook::parse(
      R"({"m":{"input_cost_per_token":1e-6,"output_cost_per_token":2e-6,"max_input_tokens":9000,"max_output_tokens":99,
      "input_cost_per_token_above_128k_tokens":3e-6,"input_cost_per_character":1e-6,"output_cost_per_image":0.01}})");
  ASSERT(book.has_value());
  const meter::PricedModel& model = *book->find("m");
  const auto most = meter::most_output(model, request);
  ASSERT(most.has_value());
  const auto worst = meter::worst_cost(model, request, *most);
  if (!worst) return;
  ASSERT(!worst->is_negative());
  ASSERT(*meter::affordable_output(model, request, *worst) >= *most);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const Address& address = addresses[bytes[0] % addresses.size()];
  const meter::Endpoint endpoint = meter::endpoint_of("POST", address.host, address.path);
  const std::string body(bytes + 1, bytes + size);
  const auto request = meter::read_copied_request(endpoint, body);
  const auto counted = meter::read_copied_request(endpoint, body, meter::InputBound::counted);
  ASSERT(request.has_value() == counted.has_value());
  if (!request) {
    ASSERT(request.error().type == base::ErrorType::invalid_request);
    return 0;
  }
  ASSERT(request->choices >= 1);
  ASSERT(request->input_bound > 0);
  ASSERT(counted->input_bound >= 0 && counted->input_bound <= request->input_bound);
  check_caps(endpoint, *request, body);
  check_usage_asked(endpoint, *request, body);
  check_cost(*request);
  return 0;
}
