#include "telemetry/exchange_spans.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "catalog/limit.h"

namespace telemetry {
namespace {

// A name of ours, and the conventions'.
struct Named {
  std::string_view ours;
  std::string_view theirs;
};

constexpr std::array operations{
    Named{"chat.completions", "chat"},
    Named{"messages", "chat"},
    Named{"responses", "chat"},
    Named{"responses.compact", "chat"},
    Named{"interactions", "chat"},
    Named{"converse", "chat"},
    Named{"converse-stream", "chat"},
    Named{"chat", "chat"},
    Named{"v1.chat", "chat"},
    Named{"v2.chat", "chat"},
    Named{"rawPredict", "chat"},
    Named{"streamRawPredict", "chat"},
    Named{"generateContent", "generate_content"},
    Named{"streamGenerateContent", "generate_content"},
    Named{"completions", "text_completion"},
    Named{"complete", "text_completion"},
    Named{"generate", "text_completion"},
    Named{"v1.generate", "text_completion"},
    Named{"text", "text_completion"},
    Named{"text_stream", "text_completion"},
    Named{"tgi", "text_completion"},
    Named{"embeddings", "embeddings"},
    Named{"embed", "embeddings"},
    Named{"embedContent", "embeddings"},
    Named{"batchEmbedContents", "embeddings"},
    Named{"predict", "embeddings"},
};

constexpr std::array providers{
    Named{"azure_openai", "azure.ai.openai"},
    Named{"bedrock", "aws.bedrock"},
    Named{"bedrock_mantle", "aws.bedrock"},
    Named{"gemini", "gcp.gemini"},
    Named{"mistral", "mistral_ai"},
    Named{"moonshotai", "moonshot_ai"},
    Named{"vertex", "gcp.vertex_ai"},
    Named{"watsonx", "ibm.watsonx.ai"},
    Named{"xai", "x_ai"},
};

template <std::size_t Size>
std::string_view theirs(const std::array<Named, Size>& names, std::string_view ours) {
  const auto at = std::ranges::find(names, ours, &Named::ours);
  return at == names.end() ? ours : at->theirs;
}

// A method that nobody knows is one for each client that makes one up.
bool is_known_method(std::string_view method) {
  static constexpr std::array known{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  return std::ranges::find(known, method) != known.end();
}

class Attributes {
 public:
  void add(std::string_view key, std::string_view text) { add_value(key, std::string(text)); }
  void add_value(std::string_view key, AttributeValue value) { all_.push_back({key, std::move(value)}); }
  void add_count(std::string_view key, const std::optional<std::int64_t>& count) {
    if (count) add_value(key, *count);
  }
  void add_unless_empty(std::string_view key, std::string_view value) {
    if (!value.empty()) add(key, value);
  }
  std::vector<Attribute> take() { return std::move(all_); }

 private:
  std::vector<Attribute> all_;
};

class Teller {
 public:
  Teller(const ExchangeTrace& exchange, std::string_view scheme) : exchange_(exchange), scheme_(scheme) {}

  Span server() const {
    Span span{.context = exchange_.context,
              .parent = exchange_.parent,
              .parent_is_remote = exchange_.parent.has_value(),
              .state = exchange_.state,
              .name = method_name(),
              .kind = Span::Kind::server,
              .start_ns = at(exchange_.began),
              .end_ns = at(exchange_.ended)};
    if (!exchange_.route_pattern.empty()) span.name += " " + exchange_.route_pattern;
    const std::string error = server_error();
    if (!error.empty()) span.status = Span::Status::error;
    Attributes to;
    add_method(to);
    to.add("url.scheme", scheme_);
    to.add("network.protocol.version", exchange_.minor_version == 0 ? "1.0" : "1.1");
    to.add_unless_empty("http.route", exchange_.route_pattern);
    if (exchange_.status != 0) to.add_count("http.response.status_code", std::int64_t{exchange_.status});
    to.add_unless_empty("error.type", error);
    if (is_inference()) {
      to.add("gen_ai.operation.name", operation_of(exchange_.endpoint));
      to.add_unless_empty("gen_ai.request.model", exchange_.asked_model);
    }
    add_books(to);
    span.attributes = to.take();
    return span;
  }

  Span client(const AttemptTrace& attempt) const {
    Span span{.context = {exchange_.context.trace, attempt.span, exchange_.context.flags},
              .parent = exchange_.context.span,
              .state = exchange_.state,
              .name = client_name(attempt),
              .kind = Span::Kind::client,
              .start_ns = at(attempt.began),
              .end_ns = at(attempt.ended.value_or(exchange_.ended))};
    const std::string error = attempt_error(attempt);
    if (!error.empty()) span.status = Span::Status::error;
    Attributes to;
    if (is_inference()) {
      to.add("gen_ai.operation.name", operation_of(exchange_.endpoint));
      to.add("gen_ai.provider.name", provider_name_of(attempt.provider));
      to.add_unless_empty("gen_ai.request.model", attempt.model);
      if (exchange_.record && exchange_.record->stream) to.add_value("gen_ai.request.stream", true);
      to.add_count("gen_ai.request.max_tokens", attempt.max_tokens);
      if (exchange_.choices != 1) to.add_count("gen_ai.request.choice.count", exchange_.choices);
    }
    to.add("server.address", attempt.host);
    to.add_count("server.port", std::int64_t{attempt.port});
    add_method(to);
    if (attempt.status != 0) to.add_count("http.response.status_code", std::int64_t{attempt.status});
    to.add_unless_empty("error.type", error);
    to.add("metergate.upstream", attempt.upstream);
    if (is_inference() && &attempt == &exchange_.attempts.back()) add_answer(to, attempt);
    span.attributes = to.take();
    return span;
  }

 private:
  bool is_inference() const { return !exchange_.endpoint.empty(); }

  // Since 1970, by the clock that never steps back from the exchange's start on.
  std::int64_t at(base::Instant instant) const {
    return exchange_.started.ms * 1'000'000 + base::ns_between(exchange_.began, instant);
  }

  std::string method_name() const { return is_known_method(exchange_.method) ? exchange_.method : "HTTP"; }

  void add_method(Attributes& to) const {
    const bool known = is_known_method(exchange_.method);
    to.add("http.request.method", known ? std::string_view(exchange_.method) : "_OTHER");
    if (!known) to.add("http.request.method_original", exchange_.method);
  }

  std::string client_name(const AttemptTrace& attempt) const {
    if (!is_inference()) return method_name();
    const std::string_view operation = operation_of(exchange_.endpoint);
    return attempt.model.empty() ? std::string(operation) : fmt::format("{} {}", operation, attempt.model);
  }

  // A status of 4xx is the client's affair, and leaves the status of a server's span unset.
  std::string server_error() const {
    if (exchange_.status == 0) return "cut_off";
    const bool failed = exchange_.record && exchange_.record->outcome == events::Outcome::failed;
    // A reply that began well broke off, if it was not served.
    if (exchange_.status < 500 && (exchange_.status >= 400 || !failed)) return {};
    if (exchange_.refusal) return std::string(base::to_string(*exchange_.refusal));
    // What the upstream answered goes by its status, what happened here by its type.
    const bool answered = !exchange_.attempts.empty() && !exchange_.attempts.back().error && exchange_.status >= 500;
    if (answered || !failed) return fmt::to_string(exchange_.status);
    return std::string(base::to_string(exchange_.record->error.value_or(base::ErrorType::upstream_error)));
  }

  static std::string attempt_error(const AttemptTrace& attempt) {
    if (attempt.error) return std::string(base::to_string(*attempt.error));
    return attempt.status >= 400 ? fmt::to_string(attempt.status) : std::string();
  }

  // What the reply said.
  void add_answer(Attributes& to, const AttemptTrace& attempt) const {
    if (!exchange_.record) return;
    const events::UsageRecord& record = *exchange_.record;
    to.add_unless_empty("gen_ai.response.model", record.served_model);
    if (!exchange_.finish_reason.empty())
      to.add_value("gen_ai.response.finish_reasons", std::vector<std::string>{exchange_.finish_reason});
    if (attempt.first_chunk)
      to.add_value("gen_ai.response.time_to_first_chunk",
                   static_cast<double>(base::ns_between(attempt.began, *attempt.first_chunk)) / 1e9);
    if (!record.usage) return;
    const meter::Usage& usage = *record.usage;
    to.add_count("gen_ai.usage.input_tokens", usage.input_tokens);
    to.add_count("gen_ai.usage.output_tokens", usage.output_tokens);
    to.add_count("gen_ai.usage.cache_read.input_tokens", usage.cached_input_tokens);
    to.add_count("gen_ai.usage.cache_write.input_tokens", usage.cache_write_tokens);
    to.add_count("gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens);
    to.add_count("gen_ai.usage.audio.input_tokens", usage.audio_input_tokens);
    to.add_count("gen_ai.usage.audio.output_tokens", usage.audio_output_tokens);
    to.add_count("gen_ai.usage.audio.cache_read.input_tokens", usage.cached_audio_input_tokens);
    to.add_count("gen_ai.usage.image.input_tokens", usage.image_input_tokens);
    to.add_count("gen_ai.usage.image.output_tokens", usage.image_output_tokens);
  }

  // What the usage record says of it.
  void add_books(Attributes& to) const {
    to.add("metergate.exchange.id", exchange_.id.to_string());
    if (exchange_.record) {
      const events::UsageRecord& record = *exchange_.record;
      to.add("metergate.account.id", record.account.to_string());
      to.add("metergate.key.id", record.key.to_string());
      to.add_unless_empty("metergate.route", record.route);
      to.add_unless_empty("metergate.upstream", record.upstream);
      to.add("metergate.outcome", events::to_string(record.outcome));
      if (exchange_.estimate) to.add("metergate.estimate_usd", exchange_.estimate->to_usd());
      if (record.outcome != events::Outcome::refused) {
        to.add("metergate.reserved_usd", record.estimate.to_usd());
        to.add("metergate.cost_usd", record.cost.to_usd());
        to.add("metergate.certainty", exchange_.certainty == meter::Certainty::exact ? "exact" : "at_least");
        to.add_unless_empty("metergate.price_version", record.price_version);
      }
      if (record.fault) to.add("metergate.fault", base::to_string(*record.fault));
    }
    if (exchange_.refusal) add_refusal(to, *exchange_.refusal);
  }

  void add_refusal(Attributes& to, base::ErrorType why) const {
    to.add("metergate.refusal.type", base::to_string(why));
    if (!exchange_.record || !exchange_.record->refused_by || !exchange_.refused_unit) return;
    const events::RefusedBy& by = *exchange_.record->refused_by;
    if (by.limit.is_nil()) {
      to.add("metergate.refusal.limit.kind", "balance");
    } else {
      to.add("metergate.refusal.limit.kind", "limit");
      to.add("metergate.refusal.limit.id", by.limit.to_string());
    }
    to.add("metergate.refusal.limit.unit", catalog::to_string(*exchange_.refused_unit));
    to.add("metergate.refusal.required", catalog::amount_text(*exchange_.refused_unit, by.required));
    to.add("metergate.refusal.available", catalog::amount_text(*exchange_.refused_unit, by.available));
  }

  const ExchangeTrace& exchange_;
  std::string_view scheme_;
};

}  // namespace

std::string_view operation_of(std::string_view endpoint) { return theirs(operations, endpoint); }
std::string_view provider_name_of(std::string_view provider) { return theirs(providers, provider); }

std::vector<Span> spans_of(const ExchangeTrace& exchange, std::string_view scheme) {
  const Teller teller(exchange, scheme);
  std::vector<Span> spans;
  spans.push_back(teller.server());
  for (const AttemptTrace& attempt : exchange.attempts) spans.push_back(teller.client(attempt));
  return spans;
}

}  // namespace telemetry
