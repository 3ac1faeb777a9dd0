// Batches: what the requests of a file may cost together is held from the batch on, and settled by its end.
#include <doctest/doctest.h>

#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;

namespace {

Task<void> ask_it(World& world, Reply& reply, std::string request) { reply = co_await ask(world, std::move(request)); }

std::string line(std::string_view model = "m", int cap = 100) {
  return fmt::format(R"({{"custom_id":"c","method":"POST","url":"/v1/chat/completions","body":)"
                     R"({{"model":"{}","max_tokens":{},"messages":[{{"role":"user","content":"hi"}}]}}}})",
                     model, cap) +
         "\n";
}
std::string part(std::string_view name, std::string_view content) {
  return fmt::format("--B\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n", name, content);
}
std::string form(std::string_view content, std::string_view purpose = "batch") {
  return part("purpose", purpose) + part("file", content) + "--B--\r\n";
}
constexpr std::string_view order =
    R"({"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h"})";

// 10 and 20 tokens, at half of a dollar and two dollars a million.
constexpr std::int64_t cost_of_end = (10 * 1'000 + 20 * 2'000) / 2;

class BatchWorld : public World {
 public:
  BatchWorld() { settings.upstreams.front().provider = "openai"; }

  Reply send(std::string_view request_line, std::string_view body = {}, std::string_view fields = {}) {
    Reply reply;
    run(ask_it(
        *this, reply,
        fmt::format("{} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {}\r\n{}{}\r\n{}", request_line, secret, fields,
                    body.empty() ? std::string() : fmt::format("Content-Length: {}\r\n", body.size()), body)));
    return reply;
  }
  Reply upload(std::string_view body, std::string_view type = "multipart/form-data; boundary=B") {
    answers(R"({"id":"file-1","object":"file","purpose":"batch","status":"processed"})");
    Reply reply = send("POST /v1/files", body, fmt::format("Content-Type: {}\r\n", type));
    if (!upstream.replies.empty()) upstream.replies.pop_back();  // refused: it was not asked
    return reply;
  }
  Reply begin() {
    answers_status("validating");
    Reply reply = send("POST /v1/batches", order);
    if (!upstream.replies.empty()) upstream.replies.pop_back();
    return reply;
  }
  void answers_status(std::string_view status, std::string_view more = {}) {
    answers(fmt::format(R"({{"id":"batch_1","object":"batch","model":"m","status":"{}"{}}})", status, more));
  }
  Reply fetch() { return send("GET /v1/batches/batch_1"); }
  std::int64_t spent(const catalog::Limit& limit) {
    (void)records();
    return state(limit).spent;
  }
  std::int64_t held(const catalog::Limit& limit) {
    (void)records();
    return state(limit).unresolved;
  }
};

constexpr std::string_view usage = R"(,"usage":{"input_tokens":10,"output_tokens":20,"total_tokens":30})";

}  // namespace

TEST_CASE("a batch holds what the requests of its file may cost together, and is settled by its own usage, once") {
  BatchWorld world;
  const catalog::Limit usd = world.limit(100'000'000);
  const catalog::Limit calls = world.limit(10, catalog::LimitUnit::requests);
  const catalog::Limit tokens = world.limit(100'000, catalog::LimitUnit::tokens);
  world.open();
  const Reply file = world.upload(form(line() + line() + line()));
  CHECK(file.status() == 200);
  CHECK(world.upstream.requests.back().line == "POST /api/files");
  CHECK(world.upstream.requests.back().body == form(line() + line() + line()));
  CHECK(world.held(usd) == 0);

  const Reply begun = world.begin();
  CHECK(begun.status() == 200);
  CHECK(world.upstream.requests.back().body == order);
  const std::int64_t held = world.held(usd);
  CHECK(held > 3 * 100 * 2'000);
  CHECK(begun.field("X-Estimated-Cost") == base::Money::from_nanos(held).to_usd());
  CHECK(world.state(calls).spent == 3);
  CHECK(world.state(tokens).unresolved > 300);
  world.answers_status("in_progress");
  CHECK(world.fetch().status() == 200);
  CHECK(world.held(usd) == held);
  for (int i = 0; i < 2; ++i) {
    world.answers_status("completed", usage);
    CHECK(world.fetch().status() == 200);
    CHECK(world.held(usd) == 0);
    CHECK(world.spent(usd) == cost_of_end);
    CHECK(world.spent(tokens) == 30);
    CHECK(world.spent(calls) == 3);
  }
}

TEST_CASE("a batch without a usage is settled by its results as they pass, and they pass unchanged") {
  for (const bool understood : {true, false}) {
    CAPTURE(understood);
    BatchWorld world;
    const catalog::Limit usd = world.limit(100'000'000);
    world.open();
    CHECK(world.upload(form(line() + line())).status() == 200);
    CHECK(world.send("GET /v1/files/file-2/content").status() == 404);
    CHECK(world.begin().status() == 200);
    const std::int64_t held = world.held(usd);
    constexpr std::string_view ended =
        R"(,"output_file_id":"file-2","error_file_id":"file-3","request_counts":{"completed":1})";
    world.answers_status("completed", ended);
    CHECK(world.fetch().status() == 200);
    CHECK(world.held(usd) == held);
    const Reply early = world.send("DELETE /v1/files/file-2");
    CHECK(early.status() == 400);

    const std::string results =
        R"({"custom_id":"c","response":{"status_code":200,"body":{"model":"m","choices":[{}],"usage":)"
        R"({"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}},"error":null})" +
        std::string(understood ? "\n" : "\nnonsense\n");
    world.answers("errors of requests that were not served", "200 OK", "application/octet-stream");
    CHECK(world.send("GET /v1/files/file-3/content").status() == 200);
    CHECK(world.held(usd) == held);
    world.answers(results, "206 Partial Content", "application/octet-stream");
    CHECK(world.send("GET /v1/files/file-2/content", {}, "Range: bytes=0-9\r\n").status() == 206);
    CHECK(world.held(usd) == held);
    for (int i = 0; i < 2; ++i) {
      world.answers(results, "200 OK", "application/octet-stream");
      CHECK(world.send("GET /v1/files/file-2/content").body == results);
      CHECK(world.spent(usd) == (understood ? cost_of_end : 0));
      CHECK(world.held(usd) == (understood ? 0 : held));
    }
  }
}

TEST_CASE("a usage of nothing, where something was served, is no usage") {
  BatchWorld world;
  const catalog::Limit usd = world.limit(100'000'000);
  world.open();
  CHECK(world.upload(form(line())).status() == 200);
  CHECK(world.begin().status() == 200);
  const std::int64_t held = world.held(usd);
  world.answers_status("completed", R"(,"usage":{"input_tokens":0,"output_tokens":0,"total_tokens":0},)"
                                    R"("request_counts":{"completed":1})");
  CHECK(world.fetch().status() == 200);
  CHECK(world.held(usd) == held);
  // Nor is it one where nobody says how many were served.
  world.answers_status("completed", R"(,"usage":{"input_tokens":0,"output_tokens":0,"total_tokens":0})");
  CHECK(world.fetch().status() == 200);
  CHECK(world.held(usd) == held);
  world.answers_status("cancelled", R"(,"usage":{"input_tokens":0,"output_tokens":0,"total_tokens":0},)"
                                    R"("request_counts":{"completed":0})");
  CHECK(world.send("POST /v1/batches/batch_1/cancel").status() == 200);
  CHECK(world.held(usd) == 0);
  CHECK(world.spent(usd) == 0);
}

TEST_CASE("how a batch begins says nothing of its cost") {
  constexpr std::string_view nothing = R"("usage":{"input_tokens":0,"output_tokens":0,"total_tokens":0})";
  for (const char* begun : {R"("id":"batch_1","status":"completed",)", R"("id":"batch_1","status":"resting",)", ""}) {
    CAPTURE(begun);
    BatchWorld world;
    const catalog::Limit usd = world.limit(100'000'000);
    world.open();
    CHECK(world.upload(form(line())).status() == 200);
    world.answers(fmt::format(R"({{{}"model":"m",{}}})", begun, nothing));
    CHECK(world.send("POST /v1/batches", order).status() == 200);
    CHECK(world.held(usd) > 0);
    CHECK(world.spent(usd) == 0);
  }
}

TEST_CASE("results of nothing settle nothing") {
  BatchWorld world;
  const catalog::Limit usd = world.limit(100'000'000);
  world.open();
  CHECK(world.upload(form(line())).status() == 200);
  CHECK(world.begin().status() == 200);
  const std::int64_t held = world.held(usd);
  world.answers_status("completed", R"(,"output_file_id":"file-2")");
  CHECK(world.fetch().status() == 200);
  for (const char* results : {"", R"({"custom_id":"c","response":{"status_code":500,"body":{}},"error":null})"}) {
    world.answers(results, "200 OK", "application/octet-stream");
    CHECK(world.send("GET /v1/files/file-2/content").status() == 200);
    CHECK(world.held(usd) == held);
  }
}

TEST_CASE("a batch that a limit cannot pay for is refused, and never shortened") {
  BatchWorld world;
  world.limit(1'000'000).clamp = catalog::Clamp::on;
  world.open();
  CHECK(world.upload(form(line("m", 100) + line("m", 1'000))).status() == 200);
  const std::size_t before = world.upstream.requests.size();
  CHECK(world.begin().status() == 402);
  CHECK(world.upstream.requests.size() == before);
}

TEST_CASE("a batch is of a file that was read here, of its endpoint, at its prices") {
  BatchWorld world;
  world.limit(100'000'000);
  world.open();
  CHECK(world.begin().status() == 404);
  CHECK(world.upload(form(line())).status() == 200);
  for (const char* body : {R"({"input_file_id":"file-1","endpoint":"/v1/responses","completion_window":"24h"})",
                           R"({"input_file_id":"file-1","endpoint":"/v1/chat/completions"})",
                           R"({"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h",)"
                           R"("extra":1})",
                           R"({"input_file_id":"file-1","input_file_id":"file-2","endpoint":"/v1/chat/completions",)"
                           R"("completion_window":"24h"})",
                           "nonsense"})
    CHECK_MESSAGE(world.send("POST /v1/batches", body).status() == 400, body);
  auto dearer = meter::PriceBook::parse(
      R"({"version":"dearer","models":{"m":{"input_cost_per_token":1e-3,"output_cost_per_token":1e-3,
          "max_output_tokens":1000}}})");
  REQUIRE(dearer.has_value());
  const auto before = world.settings.prices;
  world.settings.prices = std::make_shared<const meter::PriceBook>(std::move(*dearer));
  const Reply stale = world.begin();
  CHECK(stale.status() == 400);
  CHECK(stale.error("message").contains("upload it again"));
  world.settings.prices = before;
  CHECK(world.begin().status() == 200);
}

TEST_CASE("a file that is no batch's, or that may be read in another way, goes nowhere") {
  BatchWorld world;
  world.limit(100'000'000);
  world.open();
  const std::string good = form(line());
  for (const auto& [body, type] :
       {std::pair(form(line(), "assistants"), std::string("multipart/form-data; boundary=B")),
        std::pair(good, std::string("multipart/form-data; boundary=C")), std::pair(good, std::string("text/plain")),
        std::pair(good, std::string("multipart/form-data; boundary=B; boundary=C")),
        std::pair(part("file", line()) + "--B--\r\n", std::string("multipart/form-data; boundary=B")),
        std::pair(part("file", line()) + good, std::string("multipart/form-data; boundary=B")),
        std::pair(part("more", "") + good, std::string("multipart/form-data; boundary=B")),
        std::pair(form("nonsense"), std::string("multipart/form-data; boundary=B")),
        std::pair(form(line("unpriced")), std::string("multipart/form-data; boundary=B"))}) {
    CAPTURE(body);
    CHECK(world.upload(body, type).status() == 400);
  }
  CHECK(world.upstream.requests.empty());
  CHECK(world.upload(good, "Multipart/Form-Data; boundary=\"B\"").status() == 200);
}
