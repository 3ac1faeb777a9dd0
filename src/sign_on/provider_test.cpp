#include "sign_on/provider.h"

#include <doctest/doctest.h>

#include "base/random.h"

using sign_on::read_document;

namespace {

sign_on::Provider acme() {
  sign_on::Provider provider;
  provider.issuer = "https://id.acme.example";
  provider.client_id = "meter gate";
  provider.client_secret = base::Secret("s/+&=:");
  provider.redirect_uri = "https://gate.acme.example/api/auth/oidc/callback";
  return provider;
}

std::string document(std::string_view more, std::string_view token = "https://id.acme.example/token") {
  return R"({"issuer":"https://id.acme.example","authorization_endpoint":"https://id.acme.example/auth?p=x",)"
         R"("jwks_uri":"https://id.acme.example/jwks","token_endpoint":")" +
         std::string(token) + "\"" + std::string(more) + "}";
}

}  // namespace

TEST_CASE("a browser is sent with all that a provider asks for") {
  const auto found = read_document(document(""), acme());
  REQUIRE(found.has_value());
  const auto ticket = sign_on::Ticket::create(base::system_random(), "/");
  const std::string url = sign_on::authorization_url(*found, acme(), ticket);
  CHECK(url.starts_with("https://id.acme.example/auth?p=x&response_type=code&client_id=meter%20gate&"));
  CHECK(url.contains("&scope=openid%20profile%20email&"));
  CHECK(url.contains("&state=" + ticket.state() + "&"));
  CHECK(url.contains("&nonce=" + ticket.nonce() + "&"));
  CHECK(url.ends_with("&code_challenge=" + ticket.challenge() + "&code_challenge_method=S256"));
  CHECK_FALSE(url.contains(ticket.verifier()));
}

TEST_CASE("the secret stands where the provider takes it, each part encoded for itself") {
  const auto ticket = sign_on::Ticket::create(base::system_random(), "/");
  const auto basic = sign_on::token_request(*read_document(document(""), acme()), acme(), ticket, "c&d");
  CHECK(basic.authorization == "Basic bWV0ZXIlMjBnYXRlOnMlMkYlMkIlMjYlM0QlM0E=");  // meter%20gate:s%2F%2B%26%3D%3A
  CHECK(basic.form ==
        "grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Fgate.acme.example%2Fapi%2F"
        "auth%2Foidc%2Fcallback&code_verifier=" +
            ticket.verifier());
  const auto only_post = read_document(
      document(R"(,"token_endpoint_auth_methods_supported":["private_key_jwt","client_secret_post"])"), acme());
  const auto post = sign_on::token_request(*only_post, acme(), ticket, "c");
  CHECK(post.authorization.empty());
  CHECK(post.form.ends_with("&client_id=meter%20gate&client_secret=s%2F%2B%26%3D%3A"));
}

TEST_CASE("a provider that describes somebody else, or nothing, is not asked") {
  auto other = acme();
  other.issuer = "https://id.acme.example/";
  const auto found = read_document(document(""), other);
  REQUIRE_FALSE(found.has_value());
  CHECK(found.error().message.contains("calls itself 'https://id.acme.example'"));
  for (const char* text : {"", "[]", "{}", R"({"issuer":"https://id.acme.example"})"})
    CHECK_FALSE(read_document(text, acme()).has_value());
  CHECK_FALSE(read_document(document("", "http://id.acme.example/token"), acme()).has_value());
  CHECK(read_document(document("", "http://localhost:8080/token"), acme()).has_value());
}

TEST_CASE("a provider is asked over TLS, or on this machine") {
  for (const char* good : {"https://id.acme.example", "https://id.acme.example:8443/realms/a?p=b",
                           "http://localhost:9000", "http://127.0.0.1/x", "http://[::1]:80"})
    CHECK_MESSAGE(sign_on::check_url(good).has_value(), good);
  for (const char* bad : {"", "id.acme.example", "/x", "https://", "https://u:p@id.acme.example", "https://a/#b",
                          "http://id.acme.example", "http://localhost.evil.example", "ftp://localhost"})
    CHECK_FALSE_MESSAGE(sign_on::check_url(bad).has_value(), bad);
}
