#include "app/sign_on_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/config_values.h"

namespace app {
namespace {

void read_text(YamlMap& map, std::string_view key, std::string& into) {
  map.string(key, into);
  if (!map.has(key)) map.refuse(key, "is missing");
}

void read_url(YamlMap& map, std::string_view key, std::string& into) {
  read_text(map, key, into);
  if (into.empty()) return;
  if (const auto checked = sign_on::check_url(into); !checked) map.refuse(key, checked.error().message);
}

void read_redirect(YamlMap& map, std::string& into) {
  read_text(map, "redirect_uri", into);
  if (into.empty()) return;
  // Browsers come there, so it may be http where the pages are.
  const bool is_url = into.starts_with("https://") || into.starts_with("http://");
  if (!is_url || !into.ends_with(sign_on::callback_path) || into.contains('?') || into.contains('#'))
    map.refuse("redirect_uri", fmt::format("must be the address of these pages followed by {}, as it is registered "
                                           "with the provider",
                                           sign_on::callback_path));
}

void read_roles(YamlMap& map, sign_on::Provider& into) {
  map.string("role_claim", into.role_claim);
  auto roles = map.map("roles");
  if (roles.has_value() != map.has("role_claim"))
    return map.refuse(roles ? "roles" : "role_claim",
                      "needs the other one: 'role_claim' names the claim, and 'roles' "
                      "which of its values may do what");
  if (!roles) return;
  for (const identity::Role role : {identity::Role::viewer, identity::Role::operates, identity::Role::admin}) {
    const std::string_view name = identity::to_string(role);
    if (!roles->has(name)) continue;
    for (std::string& group : roles->strings(name)) {
      if (std::ranges::find(into.roles, group, &std::pair<std::string, identity::Role>::first) != into.roles.end())
        roles->refuse(name, fmt::format("has '{}', which has a role already", group));
      into.roles.emplace_back(std::move(group), role);
    }
  }
  if (into.roles.empty()) map.refuse("roles", "gives no role; write viewer, operator or admin with their groups");
  roles->finish();
}

}  // namespace

void read_sign_on(YamlMap map, SignOnSettings& into) {
  sign_on::Provider& provider = into.provider;
  provider.label = "single sign-on";
  map.string("label", provider.label);
  if (provider.label.empty() || provider.label.size() > 64) map.refuse("label", "must have 1 to 64 bytes");
  read_url(map, "issuer", provider.issuer);
  read_text(map, "client_id", provider.client_id);
  std::string secret;
  read_text(map, "client_secret", secret);
  provider.client_secret = base::Secret(std::move(secret));
  read_redirect(map, provider.redirect_uri);
  if (map.has("scopes")) provider.scopes = map.strings("scopes");
  if (std::ranges::find(provider.scopes, "openid") == provider.scopes.end())
    map.refuse("scopes", "must have openid: without it there is no ID token");
  map.string("username_claim", provider.username_claim);
  read_roles(map, provider);
  read_file_name(map, "ca_file", into.ca_file);
  map.finish();
}

}  // namespace app
