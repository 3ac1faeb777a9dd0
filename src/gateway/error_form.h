#pragma once
// How a caller's client reads an error: fewer kinds than meter::Dialect has, for one vendor's endpoints share theirs.

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "meter/dialect.h"

namespace gateway {

enum class ErrorForm : std::uint8_t {
  openai,     // {"error":{message,type,param,code}}; also of whoever has no form of their own here
  anthropic,  // {"type":"error","error":{type,message},"request_id"}
  google,     // {"error":{code,message,status,details}}: Gemini and Vertex (google.rpc.Status, AIP-193)
  bedrock,    // {"message"}, and what it is in the field x-amzn-ErrorType
  cohere,     // {"id","message"}
  text,       // {"error":"…"}: Ollama, and Hugging Face's text generation inference
};

// By the address that was asked, known or not: a call that fits no route is told so in its own dialect too.
ErrorForm error_form_of(const meter::Endpoint& endpoint);

// A failure's kind in a vendor's words. `status` is the one that it is answered with, for a limit may say its own.
// Sources: the Anthropic API's "Errors", google.rpc.Code, and the errors that Bedrock's runtime API names.
std::string_view anthropic_type(base::ErrorType type, int status);
std::string_view google_status(base::ErrorType type);
std::string_view bedrock_exception(base::ErrorType type);
// Inside a stream Bedrock has fewer: those that are members of both ConverseStreamOutput and ResponseStream.
std::string_view bedrock_stream_exception(base::ErrorType type);

}  // namespace gateway
