#include "sign_on/provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/url.hpp>

#include "base/json.h"
#include "sign_on/base64.h"

namespace sign_on {
namespace {

namespace urls = boost::urls;

std::unexpected<base::Error> unfit(const Provider& provider, std::string why) {
  return base::fail(base::ErrorType::upstream_error, fmt::format("the provider {} {}", provider.issuer, why), {},
                    base::Source::upstream_refusal);
}

// Of application/x-www-form-urlencoded.
std::string encoded(std::string_view text) { return urls::encode(text, urls::unreserved_chars); }

base::Result<std::string> endpoint_in(const base::Json& document, std::string_view name, const Provider& provider) {
  const base::Json* const member = document.find(name);
  if (member == nullptr || member->kind() != base::Json::Kind::string)
    return unfit(provider, fmt::format("does not name its '{}'", name));
  if (const auto checked = check_url(member->text()); !checked)
    return unfit(provider, fmt::format("has the {} '{}', which {}", name, member->text(), checked.error().message));
  return member->text();
}

bool names(const base::Json& document, std::string_view list, std::string_view word) {
  const base::Json* const member = document.find(list);
  return member != nullptr &&
         std::ranges::any_of(member->items(), [&](const base::Json& item) { return item.text() == word; });
}

}  // namespace

base::Status check_url(std::string_view url) {
  const auto parsed = urls::parse_uri(url);
  if (!parsed || parsed->encoded_host().empty()) return base::invalid("is no URL; write https://…");
  if (parsed->has_userinfo() || parsed->has_fragment()) return base::invalid("must hold neither a user name nor a '#'");
  if (parsed->scheme() == "https") return {};
  const std::string host = parsed->host_name().empty() ? parsed->host_address() : parsed->host_name();
  if (parsed->scheme() == "http" && (host == "localhost" || host == "127.0.0.1" || host == "::1")) return {};
  return base::invalid("must begin with https://; http:// is for a provider on this machine alone");
}

base::Result<ProviderDocument> read_document(std::string_view json, const Provider& provider) {
  const auto document = base::Json::parse(json);
  if (!document || !document->is_object()) return unfit(provider, "does not describe itself in JSON");
  const base::Json* const issuer = document->find("issuer");
  if (issuer == nullptr || issuer->text() != provider.issuer)
    return unfit(provider, fmt::format("calls itself '{}'; write that as 'oidc.issuer', to the letter",
                                       issuer == nullptr ? "" : issuer->text()));
  ProviderDocument found;
  TRY(found.authorization_endpoint, endpoint_in(*document, "authorization_endpoint", provider));
  TRY(found.token_endpoint, endpoint_in(*document, "token_endpoint", provider));
  TRY(found.jwks_uri, endpoint_in(*document, "jwks_uri", provider));
  if (document->find("userinfo_endpoint") != nullptr) {
    TRY(found.userinfo_endpoint, endpoint_in(*document, "userinfo_endpoint", provider));
  }
  // Who names no method takes client_secret_basic (Discovery section 3).
  constexpr std::string_view methods = "token_endpoint_auth_methods_supported";
  found.secret_in_body =
      !names(*document, methods, "client_secret_basic") && names(*document, methods, "client_secret_post");
  return found;
}

std::string authorization_url(const ProviderDocument& document, const Provider& provider, const Ticket& ticket) {
  std::string scopes;
  for (const std::string& scope : provider.scopes) scopes += (scopes.empty() ? "" : " ") + scope;
  urls::url url(document.authorization_endpoint);
  auto parameters = url.params();
  parameters.append({"response_type", "code"});
  parameters.append({"client_id", provider.client_id});
  parameters.append({"redirect_uri", provider.redirect_uri});
  parameters.append({"scope", scopes});
  parameters.append({"state", ticket.state()});
  parameters.append({"nonce", ticket.nonce()});
  parameters.append({"code_challenge", ticket.challenge()});
  parameters.append({"code_challenge_method", "S256"});
  return std::string(url.buffer());
}

TokenRequest token_request(const ProviderDocument& document, const Provider& provider, const Ticket& ticket,
                           std::string_view code) {
  TokenRequest request;
  request.form = fmt::format("grant_type=authorization_code&code={}&redirect_uri={}&code_verifier={}", encoded(code),
                             encoded(provider.redirect_uri), encoded(ticket.verifier()));
  const std::string id = encoded(provider.client_id);
  const std::string secret = encoded(provider.client_secret.reveal());
  // RFC 6749 section 2.3.1: both parts are encoded as in a form before they are joined.
  if (document.secret_in_body)
    request.form += fmt::format("&client_id={}&client_secret={}", id, secret);
  else
    request.authorization = "Basic " + to_base64(id + ":" + secret);
  return request;
}

}  // namespace sign_on
