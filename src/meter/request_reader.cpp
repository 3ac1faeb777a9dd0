#include "meter/request_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "meter/form_requests.h"
#include "meter/input_count.h"
#include "meter/request_reading.h"

namespace meter {
namespace {

using base::invalid;
using base::Status;

const RequestReader* reader_of(const Endpoint& endpoint) {
  static constexpr std::array all{openai_requests,  responses_requests, anthropic_requests, google_requests,
                                  bedrock_requests, cohere_requests,    ollama_requests,    media_requests};
  for (const auto& readers : all)
    for (const RequestReader& reader : readers())
      if (reader.endpoint == endpoint.name && reader.dialect == endpoint.dialect) return &reader;
  return nullptr;
}

Status read_json(const Endpoint& endpoint, std::string_view body, InputBound bound, RequestReading& reading) {
  const RequestReader* reader = reader_of(endpoint);
  if (reader == nullptr) return invalid("what a call of this address costs cannot be bounded");
  const JsonDocument document(body);
  const auto root = document.object();
  if (document.error() != simdjson::SUCCESS)
    return invalid(fmt::format("the body is not valid JSON: {}", simdjson::error_message(document.error())));
  if (!root) return invalid("the body must be a JSON object");
  TRY_STATUS(reader->read(*root, reading));

  Request& out = reading.out;
  out.input_bound *= reading.input.copies;
  if (out.output_cap_path.empty() && out.output_cap != 0) out.output_cap_path = reader->cap_path;
  // What stands in the address decides, as it does at the provider.
  if (!reading.path_model.empty()) out.model = reading.path_model;
  if (out.model.empty() && out.billing != Billing::free) return invalid("'model' is missing", "model");
  const bool by_context = reading.unsized || reading.rounds > 0;
  if (bound == InputBound::counted && !by_context && !reading.input.unbounded_by_count) {
    std::int64_t counted = count_input(reading.input, out.model, endpoint.dialect);
    // A deployment's name is the operator's choice, and may stand for a model with the other encoding.
    if (endpoint.provider == "azure_openai")
      counted = std::max(counted, count_input(reading.input, "gpt-4", endpoint.dialect));
    out.input_bound = std::min(out.input_bound, counted);
  }
  return {};
}

}  // namespace

bool can_read_request(const Endpoint& endpoint) noexcept {
  return form_reader_of(endpoint) != nullptr || reader_of(endpoint) != nullptr;
}

base::Result<Request> read_request(const Endpoint& endpoint, std::string_view body, InputBound bound) {
  RequestReading reading{.provider = endpoint.provider, .endpoint = endpoint.name, .path_model = endpoint.model};
  reading.input.only_marks = bound == InputBound::bytes;
  reading.out.input_bound = static_cast<std::int64_t>(body.size()) + input_margin_tokens;
  if (const ReadForm read_form = form_reader_of(endpoint)) {
    TRY_STATUS(read_form(body, reading));
    if (!reading.path_model.empty()) reading.out.model = reading.path_model;
    if (reading.out.model.empty()) return invalid("'model' is missing", "model");
  } else {
    TRY_STATUS(read_json(endpoint, body, bound, reading));
  }
  if (reading.rounds > 0) {
    reading.out.context_passes = reading.rounds + 1;
  } else if (reading.unsized) {
    reading.out.context_passes = 1;
  }
  return std::move(reading.out);
}

base::Result<Request> read_copied_request(const Endpoint& endpoint, std::string_view body, InputBound bound) {
  std::string padded;
  padded.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  padded = body;
  return read_request(endpoint, padded, bound);
}

}  // namespace meter
