// Images that are sent to be changed come as forms, which pass unchanged; and no image is shortened.
#include <doctest/doctest.h>

#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;

namespace {

constexpr std::string_view form =
    "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-image-1\r\n"
    "--B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na hat\r\n"
    "--B\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\r\nPNG\r\n--B--\r\n";

class ImageWorld : public World {
 public:
  ImageWorld() {
    settings.upstreams.front().provider = "openai";
    auto book = meter::PriceBook::parse(
        R"({"version":"test","models":{"gpt-image-1":{"input_cost_per_token":5e-6,"input_cost_per_image_token":1e-5,)"
        R"("output_cost_per_image_token":4e-5}}})");
    REQUIRE(book.has_value());
    settings.prices = std::make_shared<const meter::PriceBook>(std::move(*book));
  }
  Reply send(std::string_view path, std::string_view type, std::string_view body) {
    Reply reply;
    run([](World& world, Reply& into, std::string request)
            -> net::Task<void> { into = co_await ask(world, std::move(request)); }(
                *this, reply,
                fmt::format("POST {} HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\n"
                            "Content-Length: {}\r\n\r\n{}",
                            path, secret, type, body.size(), body)));
    return reply;
  }
};

}  // namespace

TEST_CASE("an image edit passes as it came, and is billed by the tokens of its text, its image and what was made") {
  ImageWorld world;
  const catalog::Limit usd = world.limit(10'000'000'000);
  world.open();
  world.answers(R"({"data":[{"b64_json":"x"}],"usage":{"input_tokens":333,"output_tokens":1056,"total_tokens":1389,)"
                R"("input_tokens_details":{"text_tokens":10,"image_tokens":323}}})");
  const Reply reply = world.send("/v1/images/edits", "multipart/form-data; boundary=B", form);
  CHECK(reply.status() == 200);
  CHECK(world.upstream.requests.back().body == form);
  constexpr std::int64_t cost = 10 * 5'000 + 323 * 10'000 + 1056 * 40'000;
  CHECK(reply.field("X-Request-Cost") == base::Money::from_nanos(cost).to_usd());
  (void)world.records();
  CHECK(world.state(usd).spent == cost);
  CHECK(world.state(usd).unresolved == 0);
}

TEST_CASE("an image edit that another reader would read otherwise does not leave") {
  ImageWorld world;
  world.open();
  for (const char* type : {"application/json", "multipart/form-data; boundary=C", "multipart/form-data"}) {
    CAPTURE(type);
    const Reply reply = world.send("/v1/images/edits", type, form);
    CHECK(reply.status() == 400);
    CHECK(reply.error("message").contains("multipart/form-data"));
  }
  CHECK(world.upstream.requests.empty());
}

// A limit that may shorten answers once put max_tokens into the request for an image, which caps none: what it had
// reserved was less than the image could cost.
TEST_CASE("a route that asks for another model says that it cannot put it into a form") {
  ImageWorld world;
  world.settings.routes.front().targets = {{.upstream = "up", .models = {{"gpt-image-1", "gpt-image-2"}}}};
  world.open();
  const Reply reply = world.send("/v1/images/edits", "multipart/form-data; boundary=B", form);
  CHECK(reply.status() == 400);
  CHECK(reply.body.contains("'gpt-image-2' in place of 'gpt-image-1' and cannot here: the body is a form"));
  CHECK(world.upstream.requests.empty());
}

TEST_CASE("an image is not shortened to what a limit has left") {
  ImageWorld world;
  world.limit(200'000'000);  // of the 6,240 tokens of an image it would pay for 4,900
  world.open();
  const Reply made =
      world.send("/v1/images/generations", "application/json", R"({"model":"gpt-image-1","prompt":"a hat"})");
  CHECK(made.status() == 402);
  CHECK(world.send("/v1/images/edits", "multipart/form-data; boundary=B", form).status() == 402);
  CHECK(world.upstream.requests.empty());
}
