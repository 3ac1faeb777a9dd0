#include "sign_on/id_token.h"

#include "sign_on/world_test.h"

using sign_on::testing::Claims;
using sign_on::testing::Signer;

namespace {

constexpr base::WallTime now{1'795'500'000'000};

const Signer& signer() {
  static const Signer one("RS256");
  return one;
}

sign_on::Provider provider() {
  sign_on::Provider provider;
  provider.issuer = "https://id.acme.example";
  provider.client_id = "metergate";
  return provider;
}

base::Result<base::Json> read(const std::string& token, const std::string& keys = signer().keys()) {
  return sign_on::read_id_token(token, keys, provider(), "n-1", now);
}

// Why a token with these claims, rightly signed, does not count; empty: it does.
std::string fault_of(const Claims& claims) {
  const auto found = read(signer().sign(claims.text()));
  if (found) return {};
  CHECK(found.error().type == base::ErrorType::unauthorized);
  return found.error().message;
}

}  // namespace

TEST_CASE("an ID token that the provider has signed for this login counts") {
  for (const char* algorithm : {"RS256", "PS256", "ES256", "ES384"}) {
    const Signer one(algorithm);
    const auto found = read(one.sign(Claims{.now = now}.text()), one.keys());
    REQUIRE_MESSAGE(found.has_value(), algorithm);
    CHECK(found->find("sub")->text() == "248289761001");
  }
}

TEST_CASE("a signature that none of the provider's keys has made does not count") {
  const std::string token = signer().sign(Claims{.now = now}.text());
  const auto by_other = read(token, Signer("RS256").keys());
  REQUIRE_FALSE(by_other.has_value());
  CHECK(sign_on::is_signature_error(by_other.error()));

  const std::string other = signer().sign(Claims{.now = now, .subject = "somebody else"}.text());
  const auto payload = [](const std::string& text) {
    return text.substr(text.find('.'), text.rfind('.') - text.find('.'));
  };
  std::string forged = token;
  forged.replace(token.find('.'), payload(token).size(), payload(other));
  CHECK_FALSE(read(forged).has_value());
  CHECK_FALSE(read(token.substr(0, token.rfind('.') + 1)).has_value());
}

TEST_CASE("the token does not choose how it is checked") {
  const std::string claims = sign_on::to_base64url(Claims{.now = now}.text());
  const auto none = read(sign_on::to_base64url(R"({"alg":"none"})") + "." + claims + ".");
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().message.contains("signed with 'none'"));
  // Not even where the provider publishes what fits.
  const Signer secret("HS256");
  const auto by_secret = read(secret.sign(Claims{.now = now}.text()), secret.keys());
  REQUIRE_FALSE(by_secret.has_value());
  CHECK(by_secret.error().message.contains("signed with 'HS256'"));
  CHECK_FALSE(read(signer().sign(Claims{.now = now}.text(), R"({"crit":["b64"],"b64":false})")).has_value());
}

TEST_CASE("a token of another issuer, client, login or time does not count") {
  CHECK(fault_of({.now = now}).empty());
  CHECK(fault_of({.now = now, .issuer = "https://id.acme.example/"}).contains("another issuer"));
  CHECK(fault_of({.now = now, .audience = R"("other")"}).contains("another client"));
  CHECK(fault_of({.now = now, .audience = "null"}).contains("another client"));
  CHECK(fault_of({.now = now, .nonce = "n-2"}).contains("another login"));
  CHECK(fault_of({.now = now, .subject = ""}).contains("whose it is"));
  CHECK(fault_of({.now = now, .expires_s = now.ms / 1000 - 59}).empty());
  CHECK(fault_of({.now = now, .expires_s = now.ms / 1000 - 60}).contains("not valid any more"));
  CHECK(fault_of({.now = now, .issued_s = now.ms / 1000 + 60}).empty());
  CHECK(fault_of({.now = now, .issued_s = now.ms / 1000 + 61}).contains("of the future"));
}

TEST_CASE("a token for several clients says for which of them it was made") {
  CHECK(fault_of({.now = now, .audience = R"(["metergate"])"}).empty());
  CHECK(fault_of({.now = now, .audience = R"(["metergate","other"])"}).contains("another client"));
  CHECK(fault_of({.now = now, .audience = R"(["metergate","other"])", .more = R"(,"azp":"metergate")"}).empty());
  CHECK(fault_of({.now = now, .audience = R"(["metergate","other"])", .more = R"(,"azp":"other")"})
            .contains("another client"));
  CHECK(fault_of({.now = now, .more = R"(,"azp":"other")"}).contains("another client"));
}

TEST_CASE("what is no token is refused, whatever it is") {
  for (const char* token : {"", ".", "..", "a.b", "a.b.c.d", "e30.e30.e30", "\xff.\xff.\xff"})
    CHECK_FALSE(read(token).has_value());
  const std::string token = signer().sign(Claims{.now = now}.text());
  for (const char* keys : {"", "[]", "{}", R"({"keys":[]})", R"({"keys":"x"})"}) {
    const auto found = read(token, keys);
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().type == base::ErrorType::upstream_error);
  }
}
