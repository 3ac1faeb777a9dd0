#include "gateway/reply.h"

#include <doctest/doctest.h>

#include "base/json.h"

using namespace gateway;
using base::ErrorType;
using base::Source;

namespace {

constexpr base::WallTime now{1'795'233'960'000};       // 2026-11-21T04:06:00Z
constexpr base::WallTime midnight{1'795'305'600'000};  // the next one

quota::Refusal refusal(ErrorType type, int status = 402) {
  catalog::Limit limit{.id = {},
                       .subject = base::AccountId{},
                       .name = "team budget",
                       .amount = 10'000'000'000,
                       .refusal_status = status,
                       .created = {}};
  return {.type = type, .shortages = {{limit, 250'000'000, 100'000'000, {}, midnight, {}, limit.amount}}, .reason = {}};
}

std::string text_of(const base::Json& object, std::string_view member) {
  const base::Json* value = object.find(member);
  return value == nullptr ? "(none)" : value->text();
}

base::Json error_of(const Failure& failure) {
  const auto body = base::Json::parse(error_body(failure, "the-id"));
  REQUIRE(body.has_value());
  CHECK(body->members().size() == 1);
  return *body->find("error");
}

}  // namespace

TEST_CASE("a limit that is reached says what is needed, what is left and when it resets") {
  const Failure failure = failure_of(refusal(ErrorType::limit_reached), now);
  CHECK(failure.error.message ==
        "the call may need 0.25 usd and the limit 'team budget' has 0.1 left of 10 per day; "
        "it resets at 2026-11-22T00:00:00.000Z");
  CHECK(failure.status() == 402);
  CHECK(failure.retry_after_s == 71'640);
  CHECK(failure.error.source == Source::client);
  CHECK(failure_of(refusal(ErrorType::limit_reached, 429), now).status() == 429);
}

TEST_CASE("a busy limit says that trying again soon may help, whatever status the limit refuses with") {
  const Failure failure = failure_of(refusal(ErrorType::limit_busy), now);
  CHECK(failure.error.message.ends_with("0.1 left of 10 per day; calls in flight hold the rest, try again soon"));
  CHECK(failure.status() == 429);
  CHECK(failure.retry_after_s == 1);
}

TEST_CASE("a store that cannot say refuses with its reason") {
  const Failure failure = failure_of({ErrorType::unavailable, {}, "the disk is full"}, now);
  CHECK(failure.error.message == "not admitted: the disk is full");
  CHECK(failure.error.source == Source::store);
  CHECK(failure.status() == 503);
  CHECK(failure.shortage == nullptr);
}

TEST_CASE("a limit that never resets says no time, and to try again at none") {
  quota::Refusal never = refusal(ErrorType::limit_reached, 429);
  never.shortages.front().limit.window.kind = base::WindowPolicy::Kind::total;
  never.shortages.front().resets_at = std::nullopt;
  const Failure failure = failure_of(never, now);
  CHECK(failure.error.message == "the call may need 0.25 usd and the limit 'team budget' has 0.1 left of 10 in total");
  CHECK_FALSE(failure.retry_after_s.has_value());
  CHECK(error_body(failure, "the-id").contains(R"("resets_at":null)"));
}

TEST_CASE("the last moment of a window still asks to wait a second") {
  CHECK(failure_of(refusal(ErrorType::limit_reached), {midnight.ms - 1}).retry_after_s == 1);
  CHECK(failure_of(refusal(ErrorType::limit_reached), {midnight.ms + 5'000}).retry_after_s == 1);
}

TEST_CASE("an error's body has the dialect's members, and those of a refusal where there is one") {
  const base::Json plain = error_of(Failure({ErrorType::invalid_request, Source::client, "no \"model\"", "model"}));
  CHECK(text_of(plain, "message") == "no \"model\"");
  CHECK(text_of(plain, "type") == "invalid_request");
  CHECK(text_of(plain, "code") == "invalid_request");
  CHECK(text_of(plain, "param") == "model");
  CHECK(text_of(plain, "request_id") == "the-id");
  CHECK(plain.members().size() == 5);
  CHECK(text_of(error_of(Failure({ErrorType::overloaded, Source::gateway, "m", {}})), "param") == "(none)");

  const base::Json refused = error_of(failure_of(refusal(ErrorType::limit_reached), now));
  CHECK(text_of(refused, "required") == "0.25");
  CHECK(text_of(refused, "available") == "0.1");
  CHECK(text_of(refused, "resets_at") == "2026-11-22T00:00:00.000Z");
  const base::Json* const limit = refused.find("limit");
  REQUIRE(limit != nullptr);
  CHECK(text_of(*limit, "id") == base::LimitId{}.to_string());
  CHECK(text_of(*limit, "name") == "team budget");
  CHECK(text_of(*limit, "unit") == "usd");
  CHECK(text_of(*limit, "window") == "day");
}

TEST_CASE("an error's head says whether and when to try again") {
  struct Row {
    Failure failure;
    std::string status, retry_after, should_retry;
  };
  Failure overloaded({ErrorType::overloaded, Source::gateway, "m", {}});
  overloaded.retry_after_s = 3;
  for (const Row& row :
       {Row{failure_of(refusal(ErrorType::limit_reached), now), "402 Payment Required", "", "false"},
        Row{failure_of(refusal(ErrorType::limit_reached, 429), now), "429 Too Many Requests", "71640", "false"},
        Row{failure_of(refusal(ErrorType::limit_busy), now), "429 Too Many Requests", "1", ""},
        Row{overloaded, "503 Service Unavailable", "3", ""},
        Row{Failure({ErrorType::upstream_error, Source::network, "m", {}}), "502 Bad Gateway", "", ""},
        Row{Failure({ErrorType::insufficient_balance, Source::client, "m", {}}), "402 Payment Required", "",
            "false"}}) {
    const std::string reply = error_reply(row.failure, "the-id", true);
    CAPTURE(reply);
    const std::string body = error_body(row.failure, "the-id");
    CHECK(reply.starts_with("HTTP/1.1 " + row.status + "\r\n"));
    CHECK(reply.ends_with("\r\n\r\n" + body));
    CHECK(reply.contains("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"));
    CHECK(reply.contains("\r\nX-Request-Id: the-id\r\n"));
    CHECK(reply.contains("\r\nRetry-After: ") == !row.retry_after.empty());
    if (!row.retry_after.empty()) CHECK(reply.contains("\r\nRetry-After: " + row.retry_after + "\r\n"));
    CHECK(reply.contains("\r\nx-should-retry: false\r\n") == (row.should_retry == "false"));
    CHECK_FALSE(reply.contains("\r\nConnection: close\r\n"));
  }
}

TEST_CASE("an error's head closes where it must, asks for a key, and has no body for HEAD") {
  const Failure failure({ErrorType::unauthorized, Source::client, "no key", {}});
  const std::string reply = error_reply(failure, "the-id", false, true);
  CHECK(reply.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
  CHECK(reply.contains("\r\nWWW-Authenticate: Bearer\r\n"));
  CHECK(reply.contains("\r\nConnection: close\r\n"));
  CHECK(reply.contains("\r\nContent-Length: " + std::to_string(error_body(failure, "the-id").size()) + "\r\n"));
  CHECK(reply.ends_with("\r\n\r\n"));
}

namespace {

base::Json body_in(ErrorForm form, const Failure& failure) {
  auto body = base::Json::parse(error_body(failure, "the-id", form));
  REQUIRE(body.has_value());
  return *std::move(body);
}

// The member that a path leads to: "error.limit.name"; a number counts in an array.
std::string at(const base::Json& body, std::string_view path) {
  const base::Json* value = &body;
  for (std::size_t from = 0; from <= path.size() && value != nullptr;) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    const std::string name(path.substr(from, dot - from));
    if (value->kind() == base::Json::Kind::array)
      value = &value->items()[std::stoul(name)];
    else
      value = value->find(name);
    from = dot + 1;
  }
  if (value == nullptr) return "(none)";
  return value->is_null() ? "(null)" : std::string(value->text());
}

}  // namespace

TEST_CASE("every vendor's clients find the message, its own word for the error, and ours with the limit") {
  struct Row {
    ErrorForm form;
    std::string message, word, said, code, limit;
  };
  const Failure failure = failure_of(refusal(ErrorType::limit_reached), now);
  for (const Row& row :
       {Row{ErrorForm::openai, "error.message", "error.type", "limit_reached", "error.code", "error.limit.name"},
        Row{ErrorForm::anthropic, "error.message", "error.type", "billing_error", "error.code", "error.limit.name"},
        Row{ErrorForm::google, "error.message", "error.status", "RESOURCE_EXHAUSTED", "error.details.0.metadata.code",
            "error.details.0.metadata.limit_name"},
        Row{ErrorForm::bedrock, "message", "error.type", "(none)", "error.code", "error.limit.name"},
        Row{ErrorForm::cohere, "message", "id", "the-id", "error.code", "error.limit.name"},
        Row{ErrorForm::text, "error", "type", "(none)", "code", "limit.name"}}) {
    const base::Json body = body_in(row.form, failure);
    CAPTURE(error_body(failure, "the-id", row.form));
    CHECK(at(body, row.message) == failure.error.message);
    CHECK(at(body, row.word) == row.said);
    CHECK(at(body, row.code) == "limit_reached");
    CHECK(at(body, row.limit) == "team budget");
    const std::string facts = row.code.substr(0, row.code.size() - std::string_view("code").size());
    CHECK(at(body, facts + "required") == "0.25");
    CHECK(at(body, facts + "available") == "0.1");
    CHECK(at(body, facts + "resets_at") == "2026-11-22T00:00:00.000Z");
    CHECK(at(body, facts + "request_id") == "the-id");
  }
  CHECK(at(body_in(ErrorForm::anthropic, failure), "type") == "error");
  CHECK(at(body_in(ErrorForm::anthropic, failure), "request_id") == "the-id");
}

TEST_CASE("a Google error is a google.rpc.Status whose code is the reply's status") {
  const Failure reached = failure_of(refusal(ErrorType::limit_reached), now);
  const base::Json body = body_in(ErrorForm::google, reached);
  CHECK(at(body, "error.code") == "402");
  CHECK(at(body, "error.details.0.@type") == "type.googleapis.com/google.rpc.ErrorInfo");
  CHECK(at(body, "error.details.0.reason") == "LIMIT_REACHED");
  CHECK(at(body, "error.details.0.domain") == "metergate");
  CHECK(at(body, "error.details.0.metadata.param") == "(none)");
  CHECK(body.find("error")->find("details")->items().size() == 1);  // waiting is no remedy

  const base::Json busy = body_in(ErrorForm::google, failure_of(refusal(ErrorType::limit_busy), now));
  CHECK(at(busy, "error.code") == "429");
  CHECK(at(busy, "error.details.1.@type") == "type.googleapis.com/google.rpc.RetryInfo");
  CHECK(at(busy, "error.details.1.retryDelay") == "1s");
}

TEST_CASE("no vendor's word for a refusal for good makes its SDK try again") {
  // What botocore's standard mode retries by its word alone, and no status keeps it from that.
  for (const ErrorType type : {ErrorType::limit_reached, ErrorType::insufficient_balance, ErrorType::outcome_unknown,
                               ErrorType::reply_not_kept, ErrorType::idempotency_mismatch, ErrorType::quote_not_usable})
    CHECK(bedrock_exception(type) != "ThrottlingException");
  CHECK(bedrock_exception(ErrorType::limit_busy) == "ThrottlingException");
  CHECK(anthropic_type(ErrorType::limit_reached, 402) == "billing_error");
  CHECK(anthropic_type(ErrorType::limit_reached, 429) == "rate_limit_error");
}

TEST_CASE("an error's head says what the vendor's SDK reads there") {
  const Failure failure({ErrorType::invalid_request, Source::client, "m", "model"});
  const std::string bedrock = error_reply(failure, "the-id", true, false, ErrorForm::bedrock);
  CHECK(bedrock.contains("\r\nx-amzn-ErrorType: ValidationException\r\n"));
  CHECK(bedrock.contains("\r\nx-amzn-RequestId: the-id\r\n"));
  CHECK(bedrock.ends_with("\r\n\r\n" + error_body(failure, "the-id", ErrorForm::bedrock)));
  const std::string anthropic = error_reply(failure, "the-id", true, false, ErrorForm::anthropic);
  CHECK(anthropic.contains("\r\nrequest-id: the-id\r\n"));
  CHECK_FALSE(anthropic.contains("x-amzn"));
  CHECK_FALSE(error_reply(failure, "the-id", true).contains("\r\nrequest-id"));
}

TEST_CASE("the address tells whose client reads the error") {
  struct Row {
    std::string_view path;
    ErrorForm form;
  };
  for (const Row& row : {Row{"/v1/chat/completions", ErrorForm::openai}, Row{"/v1/responses", ErrorForm::openai},
                         Row{"/v1/embeddings", ErrorForm::openai}, Row{"/v1/audio/speech", ErrorForm::openai},
                         Row{"/nowhere", ErrorForm::openai}, Row{"/anthropic/v1/messages", ErrorForm::anthropic},
                         Row{"/v1/messages/count_tokens", ErrorForm::anthropic},
                         Row{"/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", ErrorForm::google},
                         Row{"/v1beta/models/gemini-2.5-flash:countTokens", ErrorForm::google},
                         Row{"/v1beta/models/gemini-embedding-001:embedContent", ErrorForm::google},
                         Row{"/model/us.amazon.nova-micro-v1%3A0/converse-stream", ErrorForm::bedrock},
                         Row{"/model/m/invoke", ErrorForm::bedrock}, Row{"/model/m/count-tokens", ErrorForm::bedrock},
                         Row{"/v2/chat", ErrorForm::cohere}, Row{"/v2/rerank", ErrorForm::cohere},
                         Row{"/api/chat", ErrorForm::text}, Row{"/generate_stream", ErrorForm::text}}) {
    CAPTURE(std::string(row.path));
    CHECK(error_form_of(meter::endpoint_of("POST", "gateway.example", row.path)) == row.form);
  }
}
