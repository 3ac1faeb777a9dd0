#include "sign_on/visitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace sign_on {
namespace {

std::unexpected<base::Error> refused(base::ErrorType type, std::string why) {
  return base::fail(type, std::move(why), {}, base::Source::client);
}

bool is_true(const base::Json* claim) {
  if (claim == nullptr) return false;
  // Some write it as a text.
  return claim->kind() == base::Json::Kind::boolean ? claim->boolean() : claim->text() == "true";
}

// The highest role that a value of the claim, a text or a list of them, stands for.
std::optional<identity::Role> role_of(const base::Json& claim, const Provider& provider) {
  std::optional<identity::Role> highest;
  const auto look = [&](std::string_view group) {
    for (const auto& [name, role] : provider.roles)
      if (name == group && (!highest || *highest < role)) highest = role;
  };
  if (claim.kind() == base::Json::Kind::string) look(claim.text());
  for (const base::Json& item : claim.items())
    if (item.kind() == base::Json::Kind::string) look(item.text());
  return highest;
}

}  // namespace

bool lacks_claims(const base::Json& id_token, const Provider& provider) {
  const bool by_address = provider.username_claim == "email";
  return id_token.find(provider.username_claim) == nullptr ||
         (by_address && id_token.find("email_verified") == nullptr) ||
         (!provider.role_claim.empty() && id_token.find(provider.role_claim) == nullptr);
}

base::Result<identity::ProviderUser> visitor_of(const base::Json& id_token, const base::Json& userinfo,
                                                const Provider& provider) {
  using enum base::ErrorType;
  const std::string& subject = id_token.find("sub")->text();  // read_id_token has checked it
  const base::Json* const other = userinfo.find("sub");
  if (!userinfo.is_null() && (other == nullptr || other->text() != subject))
    return refused(unauthorized, "the provider's userinfo is of somebody else");
  const auto claim = [&](std::string_view name) {
    const base::Json* const found = id_token.find(name);
    return found != nullptr ? found : userinfo.find(name);
  };
  const base::Json* const name = claim(provider.username_claim);
  if (name == nullptr || name->kind() != base::Json::Kind::string)
    return refused(unauthorized, fmt::format("the provider does not say '{}'; ask for its scope in 'oidc.scopes', or "
                                             "choose another claim as 'oidc.username_claim'",
                                             provider.username_claim));
  if (provider.username_claim == "email" && !is_true(claim("email_verified")))
    return refused(unauthorized,
                   "the provider does not say that it has verified this email address; choose another "
                   "claim as 'oidc.username_claim'");
  identity::ProviderUser visitor{.subject = provider.issuer + " " + subject, .name = {}};
  auto known = identity::user_name_from(name->text());
  if (!known)
    return refused(unauthorized, fmt::format("the provider's '{}' is no user name here: {}", provider.username_claim,
                                             known.error().message));
  visitor.name = std::move(*known);
  if (provider.role_claim.empty()) return visitor;
  const base::Json* const groups = claim(provider.role_claim);
  if (groups != nullptr) visitor.role = role_of(*groups, provider);
  if (!visitor.role) return refused(forbidden, fmt::format("'{}' is in no group of 'oidc.roles'", visitor.name));
  return visitor;
}

}  // namespace sign_on
