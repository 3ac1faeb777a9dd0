#include "app/demo_upstream.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "app/store_thread.h"
#include "meter/request_reader.h"
#include "net/head_writer.h"

namespace app {
namespace {

constexpr std::array words = {"The ",  "gate ", "measures ", "the ", "water ", "and ", "shuts ",
                              "when ", "the ",  "share ",    "is ",  "used ",  "up. "};

std::string word(std::int64_t number) { return words[static_cast<std::size_t>(number) % words.size()]; }

// About four characters a token, as providers say of English text.
std::int64_t input_tokens_of(std::string_view body) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(body.size()) / 4);
}

std::string usage_of(std::int64_t input, std::int64_t output) {
  return fmt::format(R"("usage":{{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},)"
                     R"("prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},)"
                     R"("completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0}}}})",
                     input, output, input + output);
}

constexpr std::string_view models =
    R"({"object":"list","data":[{"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"demo"},)"
    R"({"id":"gpt-4o-mini","object":"model","created":1721172741,"owned_by":"demo"}]})";

}  // namespace

class DemoUpstream::Dialect final : public net::Handler {
 public:
  Dialect(net::Loop& loop, const DemoUpstreamOptions& options) : loop_(loop), options_(options) {}

  net::Task<void> serve(net::Incoming& incoming) override {
    const std::string path(incoming.head().path());
    const auto body = co_await incoming.read_body(64 << 20);
    if (!body) co_return;
    if (options_.hang) co_await loop_.sleep(24LL * 3600 * 1000);
    if (options_.latency_ms > 0) co_await loop_.sleep(options_.latency_ms);
    if (options_.error_status)
      co_return co_await error(incoming, *options_.error_status, "the demo upstream was told to fail");
    if (path.ends_with("/models")) co_return co_await send(incoming, 200, std::string(models));
    if (!path.ends_with("/chat/completions"))
      co_return co_await error(incoming, 404, "the demo upstream serves chat/completions and models");
    const auto request = meter::read_request(meter::endpoint_at("openai", "POST", path), *body);
    if (!request) co_return co_await error(incoming, 400, request.error().message);
    if (request->stream) co_return co_await stream(incoming, *request, input_tokens_of(*body));
    co_await plain(incoming, *request, input_tokens_of(*body));
  }

  std::string refuse(const base::Error&) override {
    return "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  }

 private:
  std::int64_t output_tokens(const meter::Request& request) const {
    const std::int64_t cap = request.output_cap.value_or(INT64_MAX);
    if (options_.whole_reservation && request.output_cap) return *request.output_cap;
    return options_.ignore_max_tokens ? options_.chunks : std::min<std::int64_t>(options_.chunks, cap);
  }

  net::Task<void> send(net::Incoming& incoming, int status, std::string body) {
    std::string head;
    net::HeadWriter(head)
        .response(status, net::reason_of(status))
        .field("Content-Type", "application/json")
        .field("Content-Length", static_cast<std::int64_t>(body.size()))
        .end();
    co_await incoming.send(head, body);
  }

  net::Task<void> error(net::Incoming& incoming, int status, std::string message) {
    co_await send(
        incoming, status,
        fmt::format(R"({{"error":{{"message":"{}","type":"demo_error","param":null,"code":null}}}})", message));
  }

  net::Task<void> plain(net::Incoming& incoming, const meter::Request& request, std::int64_t input) {
    const std::int64_t output = output_tokens(request);
    std::string text;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(output, 4096); ++i) text += word(i);
    std::string body = fmt::format(
        R"({{"id":"chatcmpl-demo","object":"chat.completion","created":1760000000,"model":"{}","choices":[{{"index":0,)"
        R"("message":{{"role":"assistant","content":"{}","refusal":null}},"logprobs":null,"finish_reason":"{}"}}],{},)"
        R"("service_tier":"default"}})",
        request.model, text, request.output_cap == output ? "length" : "stop",
        usage_of(input, output * request.choices));
    if (options_.break_off) {
      std::string head;
      net::HeadWriter(head)
          .response(200, "OK")
          .field("Content-Type", "application/json")
          .field("Content-Length", static_cast<std::int64_t>(body.size()))
          .end();
      incoming.close_after_reply();
      co_await incoming.send(head, std::string_view(body).substr(0, body.size() / 2));
      co_return;
    }
    co_await send(incoming, 200, std::move(body));
  }

  // One word a chunk, which is also its token.
  net::Task<void> stream(net::Incoming& incoming, const meter::Request& request, std::int64_t input) {
    const std::int64_t output = output_tokens(request);
    co_await incoming.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n");
    const auto event = [&](std::string data) {
      data = "data: " + data + "\n\n";
      return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
    };
    const auto chunk = [&](std::string_view choices, std::string_view more) {
      return event(fmt::format(R"({{"id":"chatcmpl-demo","object":"chat.completion.chunk","created":1760000000,)"
                               R"("model":"{}","choices":{}{}}})",
                               request.model, choices, more));
    };
    const std::string_view no_usage = request.include_usage ? R"(,"usage":null)" : "";
    for (std::int64_t i = 0; i < output; ++i) {
      if (options_.break_off && i == output / 2) {
        incoming.close_after_reply();
        co_return;
      }
      const std::string delta =
          fmt::format(R"([{{"index":0,"delta":{{"content":"{}"}},"finish_reason":null}}])", word(i));
      if (!co_await incoming.send(chunk(delta, no_usage))) co_return;
      if (options_.chunk_delay_ms > 0) co_await loop_.sleep(options_.chunk_delay_ms);
    }
    std::string end = chunk(R"([{"index":0,"delta":{},"finish_reason":"stop"}])", no_usage);
    if (request.include_usage) end += chunk("[]", "," + usage_of(input, output));
    end += event("[DONE]") + "0\r\n\r\n";
    co_await incoming.send(end);
  }

  net::Loop& loop_;
  const DemoUpstreamOptions options_;
};

DemoUpstream::DemoUpstream(const DemoUpstreamOptions& options, const base::Clock& clock)
    : loop_(clock),
      address_(options.listen),
      dialect_(std::make_unique<Dialect>(loop_, options)),
      server_(std::make_unique<net::HttpServer>(loop_, *dialect_, net::ServerOptions{})) {}

base::Result<std::unique_ptr<DemoUpstream>> DemoUpstream::start(const DemoUpstreamOptions& options,
                                                                const base::Clock& clock) {
  std::unique_ptr<DemoUpstream> upstream(new DemoUpstream(options, clock));
  TRY(const int fd, net::listen_on(upstream->address_));
  upstream->listener_ = std::make_unique<net::Listener>(
      upstream->loop_, fd, [&server = *upstream->server_](int socket) { server.serve(socket); });
  upstream->listener_->start();
  upstream->thread_ = std::thread([&loop = upstream->loop_] {
    name_thread("mg-demo");
    loop.run();
  });
  return upstream;
}

DemoUpstream::~DemoUpstream() {
  loop_.stop();
  if (thread_.joinable()) thread_.join();
  loop_.end();
}

}  // namespace app
