#include "identity/session.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/json.h"
#include "identity/example_secret.h"

namespace identity {
namespace {

using Signature = std::array<unsigned char, crypto_auth_hmacsha256_BYTES>;

constexpr int encoding = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr std::string_view header = R"({"alg":"HS256","typ":"JWT"})";

std::string encoded(std::string_view bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), encoding), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    encoding);
  out.pop_back();  // its terminating zero
  return out;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out(text.size(), '\0');
  std::size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(), text.size(), nullptr,
                        &size, nullptr, encoding) != 0)
    return std::nullopt;
  out.resize(size);
  return out;
}

Signature signature_of(std::string_view text, const base::Secret& secret) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret.reveal().data()),
                              secret.reveal().size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  Signature signature;
  crypto_auth_hmacsha256_final(&state, signature.data());
  return signature;
}

std::string text_of(const Signature& signature) {
  return encoded({reinterpret_cast<const char*>(signature.data()), signature.size()});
}

bool equal(const Signature& a, std::string_view b) {
  return b.size() == a.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::unexpected<base::Error> no_session() {
  return base::fail(base::ErrorType::unauthorized, "this session is not known, or over: log in again", {},
                    base::Source::client);
}

std::string csrf_text(SessionId session) { return "csrf " + session.to_string(); }

}  // namespace

base::Result<SigningKeys> SigningKeys::of(std::vector<base::Secret> secrets) {
  ASSERT(!secrets.empty());
  for (const base::Secret& secret : secrets) {
    if (secret.reveal().size() < shortest_bytes)
      return base::invalid(fmt::format("has {} bytes, and {} or more are needed; `openssl rand -base64 48` makes one",
                                       secret.reveal().size(), shortest_bytes));
    if (is_example_secret(secret.reveal()))
      return base::invalid("looks like an example that everybody knows; `openssl rand -base64 48` makes another one");
  }
  return SigningKeys(std::move(secrets));
}

SigningKeys SigningKeys::random(base::Random& random) {
  std::array<std::byte, shortest_bytes> bytes;
  random.fill(bytes);
  std::vector<base::Secret> secrets;
  secrets.emplace_back(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  return SigningKeys(std::move(secrets));
}

std::string SigningKeys::token_of(const Session& session, std::string_view subject) const {
  // No character of it needs an escape: names, ids and numbers (user_name_from).
  const std::string payload = fmt::format(R"({{"iss":"metergate","sub":"{}","jti":"{}","iat":{},"exp":{}}})", subject,
                                          session.id.to_string(), session.created.ms / 1000, session.expires.ms / 1000);
  const std::string text = encoded(header) + "." + encoded(payload);
  return text + "." + text_of(signature_of(text, secrets_.front()));
}

base::Result<SessionId> SigningKeys::read(std::string_view token, base::WallTime now) const {
  const std::size_t end = token.rfind('.');
  if (end == std::string_view::npos) return no_session();
  const std::string_view text = token.substr(0, end);
  const auto signature = decoded(token.substr(end + 1));
  const std::string first = encoded(header) + ".";
  if (!signature || !text.starts_with(first)) return no_session();
  if (!std::ranges::any_of(secrets_,
                           [&](const base::Secret& secret) { return equal(signature_of(text, secret), *signature); }))
    return no_session();
  const auto payload = decoded(text.substr(first.size()));
  if (!payload) return no_session();
  const auto claims = base::Json::parse(*payload);
  const base::Json* const id = claims ? claims->find("jti") : nullptr;
  const base::Json* const expires = claims ? claims->find("exp") : nullptr;
  if (id == nullptr || expires == nullptr) return no_session();
  std::int64_t seconds = 0;
  const std::string& digits = expires->text();
  if (std::from_chars(digits.data(), digits.data() + digits.size(), seconds).ec != std::errc() ||
      now.ms / 1000 >= seconds)
    return no_session();
  const auto session = SessionId::parse(id->text());
  if (!session) return no_session();
  return *session;
}

std::string SigningKeys::csrf_token_of(SessionId session) const {
  return text_of(signature_of(csrf_text(session), secrets_.front()));
}

bool SigningKeys::csrf_token_fits(SessionId session, std::string_view text) const {
  const auto signature = decoded(text);
  return signature && std::ranges::any_of(secrets_, [&](const base::Secret& secret) {
           return equal(signature_of(csrf_text(session), secret), *signature);
         });
}

}  // namespace identity
