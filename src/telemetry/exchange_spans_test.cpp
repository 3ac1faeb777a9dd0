#include "telemetry/exchange_spans.h"

#include <doctest/doctest.h>

using namespace telemetry;
using base::ErrorType;

namespace {

constexpr std::int64_t second = 1'000'000'000;

// A chat that one upstream served, from second 5 to 9 of its clock.
ExchangeTrace served_chat() {
  ExchangeTrace exchange;
  exchange.context = *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  exchange.started = {1'795'233'960'000};
  exchange.began = {5 * second};
  exchange.ended = {9 * second};
  exchange.method = "POST";
  exchange.route_pattern = "/v1/chat/completions";
  exchange.endpoint = "chat.completions";
  exchange.asked_model = "gpt-4o";
  exchange.status = 200;
  exchange.attempts.push_back({.span = SpanId{{1}},
                               .began = {6 * second},
                               .ended = base::Instant{8 * second},
                               .upstream = "main",
                               .provider = "openai",
                               .host = "api.openai.com",
                               .port = 443,
                               .model = "gpt-4o",
                               .status = 200});
  exchange.record.emplace();
  exchange.record->usage = meter::Usage{.input_tokens = 10, .output_tokens = 5};
  exchange.record->cost = base::Money::from_nanos(60'001);
  exchange.record->estimate = base::Money::from_nanos(70'000);
  return exchange;
}

std::string text(const Span& span, std::string_view key) {
  const AttributeValue* const value = span.find(key);
  return value != nullptr && std::holds_alternative<std::string>(*value) ? std::get<std::string>(*value) : "";
}
std::optional<std::int64_t> count(const Span& span, std::string_view key) {
  const AttributeValue* const value = span.find(key);
  return value != nullptr ? std::optional(std::get<std::int64_t>(*value)) : std::nullopt;
}

}  // namespace

TEST_CASE("an exchange is a span of its server, and a child for each upstream") {
  const auto spans = spans_of(served_chat(), "https");
  REQUIRE(spans.size() == 2);
  const auto& [server, client] = std::tie(spans[0], spans[1]);
  CHECK(server.kind == Span::Kind::server);
  CHECK(server.name == "POST /v1/chat/completions");
  CHECK(text(server, "url.scheme") == "https");
  CHECK(server.start_ns == 1'795'233'960 * second);
  CHECK(server.end_ns == 1'795'233'964 * second);
  CHECK(client.kind == Span::Kind::client);
  CHECK(client.name == "chat gpt-4o");
  CHECK(client.parent == server.context.span);
  CHECK(client.context.trace == server.context.trace);
  CHECK(client.start_ns == 1'795'233'961 * second);
  CHECK(client.end_ns == 1'795'233'963 * second);
}

TEST_CASE("money is an exact decimal of dollars in text") {
  auto exchange = served_chat();
  exchange.estimate = base::Money::from_nanos(1);
  const auto spans = spans_of(exchange, "http");
  CHECK(text(spans[0], "metergate.cost_usd") == "0.000060001");
  CHECK(text(spans[0], "metergate.reserved_usd") == "0.00007");
  CHECK(text(spans[0], "metergate.estimate_usd") == "0.000000001");
  CHECK(text(spans[0], "metergate.certainty") == "exact");
}

TEST_CASE("tokens are on the last upstream's span alone, and the unknown is on none") {
  auto exchange = served_chat();
  exchange.attempts.push_back(exchange.attempts.front());
  auto spans = spans_of(exchange, "http");
  CHECK_FALSE(count(spans[0], "gen_ai.usage.input_tokens").has_value());
  CHECK_FALSE(count(spans[1], "gen_ai.usage.input_tokens").has_value());
  CHECK(count(spans[2], "gen_ai.usage.input_tokens") == 10);
  CHECK(spans[2].find("gen_ai.usage.cache_read.input_tokens") == nullptr);
  exchange.record->usage.reset();
  spans = spans_of(exchange, "http");
  CHECK(spans[2].find("gen_ai.usage.input_tokens") == nullptr);
}

TEST_CASE("the status of a span is as the conventions have it") {
  auto exchange = served_chat();
  const auto errors = [&] {
    std::vector<std::string> out;
    for (const Span& span : spans_of(exchange, "http")) {
      CHECK((span.status == Span::Status::error) == !text(span, "error.type").empty());
      out.push_back(text(span, "error.type"));
    }
    return out;
  };
  using Errors = std::vector<std::string>;
  CHECK(errors() == Errors{"", ""});
  SUBCASE("a status of 4xx is an error for who asked alone") {
    exchange.status = exchange.attempts[0].status = 404;
    exchange.record->outcome = events::Outcome::failed;
    CHECK(errors() == Errors{"", "404"});
  }
  SUBCASE("the upstream's own 5xx goes by its number") {
    exchange.status = exchange.attempts[0].status = 503;
    exchange.record->outcome = events::Outcome::failed;
    exchange.record->error = ErrorType::upstream_error;
    CHECK(errors() == Errors{"503", "503"});
  }
  SUBCASE("an upstream that did not answer goes by what was missing") {
    exchange.status = 504;
    exchange.attempts[0].status = 0;
    exchange.attempts[0].error = ErrorType::upstream_timeout;
    exchange.record->outcome = events::Outcome::failed;
    exchange.record->error = ErrorType::upstream_timeout;
    CHECK(errors() == Errors{"upstream_timeout", "upstream_timeout"});
    CHECK(spans_of(exchange, "http")[1].find("http.response.status_code") == nullptr);
  }
  SUBCASE("a reply that began well may break off") {
    exchange.attempts[0].error = ErrorType::upstream_error;
    exchange.record->outcome = events::Outcome::failed;
    exchange.record->error = ErrorType::upstream_error;
    CHECK(errors() == Errors{"upstream_error", "upstream_error"});
  }
  SUBCASE("a refusal is an error where the gateway could not do better") {
    exchange.attempts.clear();
    exchange.record->outcome = events::Outcome::refused;
    exchange.refusal = ErrorType::limit_reached;
    exchange.status = 402;
    CHECK(errors() == Errors{""});
    exchange.refusal = ErrorType::unavailable;
    exchange.status = 503;
    CHECK(errors() == Errors{"unavailable"});
  }
  SUBCASE("a call that was cut off has no status") {
    exchange.status = 0;
    CHECK(errors()[0] == "cut_off");
  }
}

TEST_CASE("a refusal says which limit, in its unit") {
  auto exchange = served_chat();
  exchange.attempts.clear();
  exchange.status = 402;
  exchange.refusal = ErrorType::limit_reached;
  exchange.record->outcome = events::Outcome::refused;
  exchange.record->refused_by = events::RefusedBy{.limit = base::LimitId{{{1}}}, .required = 12, .available = 7};
  exchange.refused_unit = catalog::LimitUnit::tokens;
  Span server = spans_of(exchange, "http")[0];
  CHECK(text(server, "metergate.refusal.type") == "limit_reached");
  CHECK(text(server, "metergate.refusal.limit.id") == "01000000-0000-0000-0000-000000000000");
  CHECK(text(server, "metergate.refusal.limit.unit") == "tokens");
  CHECK(text(server, "metergate.refusal.required") == "12");
  CHECK(text(server, "metergate.refusal.available") == "7");
  CHECK(server.find("metergate.cost_usd") == nullptr);
  exchange.record->refused_by->limit = {};
  exchange.refused_unit = catalog::LimitUnit::usd;
  server = spans_of(exchange, "http")[0];
  CHECK(text(server, "metergate.refusal.limit.kind") == "balance");
  CHECK(text(server, "metergate.refusal.required") == "0.000000012");
}

TEST_CASE("what is no inference says nothing of one") {
  auto exchange = served_chat();
  exchange.endpoint = {};
  exchange.method = "GET";
  exchange.route_pattern = "/v1";
  const auto spans = spans_of(exchange, "http");
  CHECK(spans[0].name == "GET /v1");
  CHECK(spans[1].name == "GET");
  for (const Span& span : spans)
    for (const Attribute& one : span.attributes) CHECK_FALSE(one.key.starts_with("gen_ai."));
}

TEST_CASE("a method that nobody knows is not a name") {
  auto exchange = served_chat();
  exchange.method = "BREW";
  exchange.route_pattern.clear();
  const Span server = spans_of(exchange, "http")[0];
  CHECK(server.name == "HTTP");
  CHECK(text(server, "http.request.method") == "_OTHER");
  CHECK(text(server, "http.request.method_original") == "BREW");
}

TEST_CASE("operations and providers have the conventions' names, where there are such") {
  CHECK(operation_of("messages") == "chat");
  CHECK(operation_of("streamGenerateContent") == "generate_content");
  CHECK(operation_of("completions") == "text_completion");
  CHECK(operation_of("embed") == "embeddings");
  CHECK(operation_of("images.generations") == "images.generations");
  CHECK(provider_name_of("azure_openai") == "azure.ai.openai");
  CHECK(provider_name_of("bedrock") == "aws.bedrock");
  CHECK(provider_name_of("anthropic") == "anthropic");
}
