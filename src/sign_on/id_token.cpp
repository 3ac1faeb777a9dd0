#include "sign_on/id_token.h"

#include <fmt/format.h>
#include <jansson.h>
extern "C" {
#include <jose/jws.h>
}

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include "sign_on/base64.h"

namespace sign_on {
namespace {

constexpr std::int64_t leeway_s = 60;  // that clocks may differ by
constexpr std::string_view unsigned_text = "is signed by none of its published keys";

struct JsonFree {
  void operator()(json_t* value) const { json_decref(value); }
};
using Jansson = std::unique_ptr<json_t, JsonFree>;

std::unexpected<base::Error> refused(std::string_view why) {
  return base::fail(base::ErrorType::unauthorized, fmt::format("the provider's ID token {}", why), {},
                    base::Source::upstream_refusal);
}

// Those of RFC 7518 section 3.1 whose signature needs a private key, and that the library knows.
bool is_of_key_pair(std::string_view algorithm) {
  static constexpr std::string_view known[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                               "PS512", "ES256", "ES384", "ES512"};
  return std::ranges::find(known, algorithm) != std::end(known);
}

std::string_view text_of(const base::Json& object, std::string_view name) {
  const base::Json* const member = object.find(name);
  return member != nullptr && member->kind() == base::Json::Kind::string ? member->text() : std::string_view();
}

// Seconds since 1970; fractions, which RFC 7519 allows, are cut off.
std::optional<std::int64_t> seconds_of(const base::Json& object, std::string_view name) {
  const base::Json* const member = object.find(name);
  if (member == nullptr || member->kind() != base::Json::Kind::number) return std::nullopt;
  std::int64_t seconds = 0;
  const std::string& digits = member->text();
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error != std::errc() || (end != digits.data() + digits.size() && *end != '.')) return std::nullopt;
  return seconds;
}

base::Result<base::Json> decoded_part(std::string_view part, std::string_view name) {
  const auto text = from_base64url(part);
  auto json = text ? base::Json::parse(*text) : base::Result<base::Json>(base::invalid("no base64url"));
  if (!json || !json->is_object()) return refused(fmt::format("has a {} that cannot be read", name));
  return json;
}

base::Status check_signature(std::string_view header, std::string_view payload, std::string_view signature,
                             std::string_view keys) {
  const Jansson set(json_loadb(keys.data(), keys.size(), JSON_REJECT_DUPLICATES, nullptr));
  if (!set || json_array_size(json_object_get(set.get(), "keys")) == 0)
    return base::fail(base::ErrorType::upstream_error, "the provider publishes no keys", {},
                      base::Source::upstream_refusal);
  const Jansson jws(json_pack("{s:s%,s:s%,s:s%}", "protected", header.data(), header.size(), "payload", payload.data(),
                              payload.size(), "signature", signature.data(), signature.size()));
  if (!jws || !jose_jws_ver(nullptr, jws.get(), nullptr, set.get(), false)) return refused(unsigned_text);
  return {};
}

bool is_for(const base::Json& claims, const std::string& client) {
  const base::Json* const audience = claims.find("aud");
  if (audience == nullptr) return false;
  if (audience->kind() == base::Json::Kind::string) return audience->text() == client;
  const auto items = audience->items();
  const bool named = std::ranges::any_of(items, [&](const base::Json& item) { return item.text() == client; });
  // Of several it says to whom it was handed out.
  return named && (items.size() == 1 || text_of(claims, "azp") == client);
}

base::Status check_claims(const base::Json& claims, const Provider& provider, std::string_view nonce,
                          base::WallTime now) {
  const std::int64_t now_s = now.ms / 1000;
  const auto expires = seconds_of(claims, "exp");
  const auto issued = seconds_of(claims, "iat");
  const std::string_view party = text_of(claims, "azp");
  if (text_of(claims, "iss") != provider.issuer) return refused("is of another issuer");
  if (!is_for(claims, provider.client_id)) return refused("is for another client");
  if (!party.empty() && party != provider.client_id) return refused("was handed out to another client");
  if (!expires || now_s - leeway_s >= *expires) return refused("is not valid any more; are both clocks right?");
  if (!issued || *issued > now_s + leeway_s) return refused("is of the future; are both clocks right?");
  if (text_of(claims, "nonce") != nonce) return refused("is of another login");
  const std::string_view subject = text_of(claims, "sub");
  if (subject.empty() || subject.size() > 255) return refused("does not say whose it is");
  return {};
}

}  // namespace

base::Result<base::Json> read_id_token(std::string_view token, std::string_view keys, const Provider& provider,
                                       std::string_view nonce, base::WallTime now) {
  const std::size_t first = token.find('.');
  const std::size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last || std::ranges::count(token, '.') != 2)
    return refused("is no signed token of three parts");
  const std::string_view header = token.substr(0, first);
  const std::string_view payload = token.substr(first + 1, last - first - 1);
  TRY(const base::Json head, decoded_part(header, "header"));
  const std::string_view algorithm = text_of(head, "alg");
  if (!is_of_key_pair(algorithm))
    return refused(fmt::format("is signed with '{}'; have it sign with RS256 or ES256", algorithm));
  if (head.find("crit") != nullptr) return refused("asks for extensions that are not known here");
  TRY_STATUS(check_signature(header, payload, token.substr(last + 1), keys));
  TRY(auto claims, decoded_part(payload, "payload"));
  TRY_STATUS(check_claims(claims, provider, nonce, now));
  return claims;
}

bool is_signature_error(const base::Error& error) { return error.message.ends_with(unsigned_text); }

}  // namespace sign_on
