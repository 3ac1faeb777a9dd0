#include "sign_on/client.h"

#include <doctest/doctest.h>

#include <optional>

#include "net/http_server.h"
#include "net/listener.h"
#include "sign_on/world_test.h"
#include "tests/support/fake_clock.h"

namespace {

using sign_on::testing::Claims;
using sign_on::testing::Signer;

// A provider on this machine, and the gateway's side of it, on one loop under a clock that the test moves.
class World final : public net::Handler {
 public:
  tests::FakeClock clock;
  net::Loop loop{clock};
  Signer signer{"ES256"};
  std::string claims_more = R"(,"email":"ann@acme.example","email_verified":true)";
  std::string userinfo;
  int asked_document = 0, asked_keys = 0, asked_userinfo = 0;
  bool down = false;

  World()
      : server_(loop, *this, {}), listener_(loop, *net::listen_on(address_), [this](int fd) { server_.serve(fd); }) {
    listener_.start();
    provider_.issuer = fmt::format("http://127.0.0.1:{}", address_.port);
    provider_.client_id = "metergate";
    provider_.redirect_uri = "https://gate/api/auth/oidc/callback";
    client_ = *sign_on::Client::create(loop, provider_, {});
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() override { loop.end(); }

  // What comes of a login that begins now.
  base::Result<identity::ProviderUser> log_in() {
    std::optional<base::Result<identity::ProviderUser>> visitor;
    loop.spawn(go(visitor));
    loop.context().restart();
    loop.run();
    REQUIRE(visitor.has_value());
    return *visitor;
  }
  void pass(std::int64_t ms) {
    clock.advance_ms(ms);
    loop.note_time();
  }

  net::Task<void> serve(net::Incoming& incoming) override {
    const std::string path(incoming.head().path());
    const auto body = co_await incoming.read_body(1 << 16);
    CHECK(body.has_value());
    const std::string answer = answer_to(path);
    const int status = down ? 503 : 200;
    co_await incoming.send(
        fmt::format("HTTP/1.1 {} Said\r\nContent-Length: {}\r\n\r\n{}", status, answer.size(), answer));
  }
  std::string refuse(const base::Error& /*error*/) override { return "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"; }

 private:
  net::Task<void> go(std::optional<base::Result<identity::ProviderUser>>& visitor) {
    const auto ticket = sign_on::Ticket::create(base::system_random(), "/");
    nonce_ = ticket.nonce();
    visitor.emplace(co_await client_->find_visitor(ticket, "a-code"));
    loop.stop();
  }
  std::string answer_to(std::string_view path) {
    if (path == "/.well-known/openid-configuration") {
      ++asked_document;
      return fmt::format(R"({{"issuer":"{0}","authorization_endpoint":"{0}/auth","token_endpoint":"{0}/token",)"
                         R"("jwks_uri":"{0}/keys","userinfo_endpoint":"{0}/me"}})",
                         provider_.issuer);
    }
    if (path == "/keys") {
      ++asked_keys;
      return signer.keys();
    }
    if (path == "/me") {
      ++asked_userinfo;
      return userinfo;
    }
    CHECK(path == "/token");
    const Claims claims{.now = clock.wall_now(), .issuer = provider_.issuer, .nonce = nonce_, .more = claims_more};
    return fmt::format(R"({{"id_token":"{}","access_token":"a","token_type":"Bearer"}})", signer.sign(claims.text()));
  }

  net::Address address_{"127.0.0.1", 0, false};
  net::HttpServer server_;
  net::Listener listener_;
  sign_on::Provider provider_;
  std::unique_ptr<sign_on::Client> client_;
  std::string nonce_;
};

}  // namespace

TEST_CASE("what a provider says of itself is asked for once an hour") {
  World world;
  for (int login = 0; login < 3; ++login) CHECK(world.log_in()->name == "ann@acme.example");
  CHECK(world.asked_document == 1);
  CHECK(world.asked_keys == 1);
  CHECK(world.asked_userinfo == 0);
  world.pass(3'600'001);
  CHECK(world.log_in().has_value());
  CHECK(world.asked_document == 2);
  CHECK(world.asked_keys == 2);
}

TEST_CASE("a provider that signs with another key is asked for its keys, not more than once a minute") {
  World world;
  CHECK(world.log_in().has_value());
  world.signer = Signer("ES256");
  CHECK(world.log_in().error().type == base::ErrorType::unauthorized);
  CHECK(world.asked_keys == 1);
  world.pass(60'001);
  CHECK(world.log_in().has_value());
  CHECK(world.asked_keys == 2);
}

TEST_CASE("what the token does not say is asked of userinfo") {
  World world;
  world.claims_more.clear();
  world.userinfo = R"({"sub":"248289761001","email":"bob@acme.example","email_verified":true})";
  CHECK(world.log_in()->name == "bob@acme.example");
  CHECK(world.asked_userinfo == 1);
  world.userinfo = "<html>";
  CHECK(world.log_in().error().type == base::ErrorType::upstream_error);
}

TEST_CASE("a provider that does not answer is said to") {
  World world;
  world.down = true;
  CHECK(world.log_in().error().type == base::ErrorType::upstream_error);
  world.down = false;
  CHECK(world.log_in().has_value());
}
