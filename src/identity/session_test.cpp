#include "identity/session.h"

#include <doctest/doctest.h>
#include <sodium.h>

#include <string>

#include "tests/support/seeded_random.h"

using identity::Session;
using identity::SigningKeys;

namespace {

constexpr base::WallTime start{1'795'219'200'000};
constexpr const char* first = "5f2b7c1de0a94f6b8c3d1e7a9b0c2d4e";
constexpr const char* second = "0123456789abcdef0123456789abcdef";

SigningKeys keys(std::initializer_list<const char*> secrets) {
  std::vector<base::Secret> list;
  for (const char* secret : secrets) list.emplace_back(std::string(secret));
  return *SigningKeys::of(std::move(list));
}

Session session() {
  tests::SeededRandom random{7};
  Session made;
  made.id = identity::SessionId::create(start, random);
  made.created = start;
  made.expires = {start.ms + 86'400'000};
  return made;
}

std::string base64(std::string_view bytes) {
  constexpr int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    variant);
  out.pop_back();
  return out;
}

// Signed with `secret`, whatever the header says.
std::string token(std::string_view header, std::string_view payload, std::string_view secret) {
  const std::string text = base64(header) + "." + base64(payload);
  unsigned char mac[crypto_auth_hmacsha256_BYTES];
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  crypto_auth_hmacsha256_final(&state, mac);
  return text + "." + base64({reinterpret_cast<const char*>(mac), sizeof mac});
}

}  // namespace

TEST_CASE("a token names its session until its time is over (S3-15, S3-90)") {
  const Session made = session();
  const SigningKeys signs = keys({first});
  const std::string text = signs.token_of(made, "alice");
  CHECK(*signs.read(text, start) == made.id);
  CHECK(*signs.read(text, {made.expires.ms - 1}) == made.id);
  const auto over = signs.read(text, made.expires);
  REQUIRE_FALSE(over.has_value());
  CHECK(over.error().type == base::ErrorType::unauthorized);
}

TEST_CASE("a token is believed for its signature alone") {
  const Session made = session();
  const SigningKeys signs = keys({first});
  const std::string good = signs.token_of(made, "alice");
  const std::string payload = R"({"jti":")" + made.id.to_string() + R"(","exp":1995219200})";
  constexpr const char* header = R"({"alg":"HS256","typ":"JWT"})";
  REQUIRE(signs.read(token(header, payload, first), start).has_value());  // what is wrong below is wrong alone

  CHECK_FALSE(signs.read(token(header, payload, second), start).has_value());
  CHECK_FALSE(signs.read(token(R"({"alg":"none","typ":"JWT"})", payload, first), start).has_value());
  CHECK_FALSE(signs.read(token(R"({"alg":"HS512","typ":"JWT"})", payload, first), start).has_value());
  CHECK_FALSE(signs.read(token(R"({"typ":"JWT","alg":"HS256"})", payload, first), start).has_value());
  CHECK_FALSE(signs.read(token(header, R"({"exp":1995219200})", first), start).has_value());
  CHECK_FALSE(signs.read(token(header, R"({"jti":")" + made.id.to_string() + R"("})", first), start).has_value());
  CHECK_FALSE(signs.read(token(header, R"({"jti":"me","exp":1995219200})", first), start).has_value());
  CHECK_FALSE(signs.read(token(header, "[]", first), start).has_value());
  CHECK_FALSE(signs.read(token(header, "{", first), start).has_value());

  const auto end = good.rfind('.');
  for (const std::string& text : {std::string(), std::string("."), std::string(".."), good.substr(0, end),
                                  good.substr(0, end + 1), good.substr(0, good.size() - 1), good + "A", good + ".",
                                  good.substr(end + 1), "x" + good, good.substr(0, end) + "." + good.substr(end)}) {
    CAPTURE(text);
    CHECK_FALSE(signs.read(text, start).has_value());
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string changed = good;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    CAPTURE(changed);
    CHECK_FALSE(signs.read(changed, start).has_value());
  }
}

TEST_CASE("a secret that takes another one's place leaves what that one signed") {
  const Session made = session();
  const std::string before = keys({first}).token_of(made, "alice");
  const SigningKeys both = keys({second, first});
  CHECK(*both.read(before, start) == made.id);
  CHECK(both.csrf_token_fits(made.id, keys({first}).csrf_token_of(made.id)));
  const std::string since = both.token_of(made, "alice");
  CHECK(since != before);
  CHECK(*keys({second}).read(since, start) == made.id);
  CHECK_FALSE(keys({second}).read(before, start).has_value());
  CHECK_FALSE(keys({first}).read(since, start).has_value());
}

TEST_CASE("a page's token is of one session, and of one secret") {
  const Session made = session();
  Session other = made;
  other.id.uuid.bytes[15] ^= 1;
  const SigningKeys signs = keys({first});
  const std::string text = signs.csrf_token_of(made.id);
  CHECK(signs.csrf_token_fits(made.id, text));
  CHECK_FALSE(signs.csrf_token_fits(other.id, text));
  CHECK_FALSE(signs.csrf_token_fits(made.id, ""));
  CHECK_FALSE(signs.csrf_token_fits(made.id, text.substr(1)));
  CHECK_FALSE(keys({second}).csrf_token_fits(made.id, text));
  // Nor is it a token's signature, or the other way round.
  CHECK_FALSE(signs.read("." + text, start).has_value());
}

TEST_CASE("secrets that anybody could guess sign nothing (S3-17, S3-76, S3-89)") {
  const auto refusal = [](std::string secret) {
    std::vector<base::Secret> list;
    list.emplace_back(std::string(first));
    list.emplace_back(std::move(secret));
    const auto made = SigningKeys::of(std::move(list));
    return made ? std::string() : made.error().message;
  };
  CHECK(refusal(second).empty());
  CHECK(refusal("0123456789abcdef0123456789abcde").contains("has 31 bytes, and 32 or more"));
  CHECK(refusal("").contains("has 0 bytes"));
  CHECK(refusal("your-super-secret-key-min-32-characters").contains("an example"));
}
