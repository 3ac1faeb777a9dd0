#include "gateway/stream_end.h"

#include <array>
#include <boost/json.hpp>
#include <utility>

#include <fmt/format.h>

#include "base/utf8.h"
#include "meter/event_stream.h"

namespace gateway {
namespace {

using boost::json::object;
using meter::Dialect;
using meter::Framing;

class End {
 public:
  End(const Failure& failure, std::string_view request_id, const meter::Endpoint& endpoint, const SentStream& sent)
      : failure_(failure),
        request_id_(request_id),
        endpoint_(endpoint),
        form_(error_form_of(endpoint)),
        sent_(sent),
        message_(base::valid_utf8(failure.error.message)) {}

  std::string text() const {
    switch (framing()) {
      case Framing::messages: return exception();
      case Framing::array: return (sent_.events == 0 ? "[" : ",\n") + error_text() + "\n]\n";
      case Framing::lines: return boost::json::serialize(last_line()) + "\n";
      case Framing::sse:
      case Framing::unknown: break;
    }
    return last_event();
  }

 private:
  // Where neither a byte nor the content type has said it: what the dialect streams in.
  Framing framing() const {
    if (sent_.framing != Framing::unknown) return sent_.framing;
    if (form_ == ErrorForm::bedrock) return Framing::messages;
    if (endpoint_.dialect == Dialect::gemini) return Framing::array;
    if (endpoint_.dialect == Dialect::ollama || endpoint_.name.starts_with("v1.")) return Framing::lines;
    return Framing::sse;
  }

  object error(ErrorForm form) const { return error_object(failure_, request_id_, form); }
  std::string error_text() const { return boost::json::serialize(error(form_)); }
  // With our words for programs, as every form has them beside its own.
  object with_facts(object data) const {
    data["error"] = error(ErrorForm::bedrock)["error"];
    return data;
  }

  static std::string event(std::string_view name, const object& data) {
    const std::string line = fmt::format("data: {}\n\n", boost::json::serialize(data));
    return name.empty() ? line : fmt::format("event: {}\n{}", name, line);
  }

  std::string exception() const {
    const std::string_view type = bedrock_stream_exception(failure_.error.type);
    const std::array<std::pair<std::string_view, std::string_view>, 3> headers{{
        {":exception-type", type},
        {":content-type", "application/json"},
        {":message-type", "exception"},
    }};
    return meter::write_message(headers, error_text());
  }

  object last_line() const {
    // Cohere's v1, whose client takes only events that it knows.
    if (endpoint_.name == "v1.generate")
      return with_facts(
          {{"event_type", "stream-error"}, {"is_finished", true}, {"finish_reason", "ERROR"}, {"err", message_}});
    if (form_ == ErrorForm::cohere)
      return with_facts({{"event_type", "stream-end"},
                         {"is_finished", true},
                         {"finish_reason", "ERROR"},
                         {"message", message_},
                         {"response", {{"text", ""}, {"finish_reason", "ERROR"}}}});
    return error(form_);
  }

  std::string last_event() const {
    switch (endpoint_.dialect) {
      case Dialect::responses: return event("error", responses_error());
      case Dialect::runs: return event("error", error(form_));
      case Dialect::interactions:
        return event("error", {{"event_type", "error"}, {"error", error(ErrorForm::openai)["error"]}});
      case Dialect::chat: return event("", error(form_)) + (sent_.cut ? "data: [DONE]\n\n" : "");
      default: break;
    }
    if (form_ == ErrorForm::anthropic) return event("error", error(form_));
    if (form_ == ErrorForm::cohere)
      return event("message-end",
                   with_facts({{"type", "message-end"}, {"delta", {{"finish_reason", "ERROR"}, {"error", message_}}}}));
    return event("", error(form_));
  }

  // As the API's reference has it (ResponseErrorEvent), and the object for which OpenAI's SDKs raise. Events count from
  // 0 on.
  object responses_error() const {
    object data = error(ErrorForm::openai);
    const object& said = data["error"].get_object();
    object out{{"type", "error"},
               {"sequence_number", sent_.events},
               {"code", said.at("code")},
               {"message", said.at("message")},
               {"param", said.at("param")}};
    out["error"] = std::move(data["error"]);
    return out;
  }

  const Failure& failure_;
  std::string_view request_id_;
  const meter::Endpoint& endpoint_;
  ErrorForm form_;
  const SentStream& sent_;
  const std::string message_;
};

}  // namespace

std::string stream_end(const Failure& failure, std::string_view request_id, const meter::Endpoint& endpoint,
                       const SentStream& sent) {
  return End(failure, request_id, endpoint, sent).text();
}

}  // namespace gateway
