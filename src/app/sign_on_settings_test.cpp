#include "app/sign_on_settings.h"

#include "app/config_world_test.h"

using namespace app;
using namespace app::testing;

namespace {

const std::string least =
    "issuer: https://id.acme.example, client_id: gate, client_secret: s3cret, "
    "redirect_uri: https://gate.acme.example/api/auth/oidc/callback";

// A configuration whose `oidc` is that.
std::string with(std::string_view oidc) { return one_upstream + "oidc: { " + std::string(oidc) + " }\n"; }

}  // namespace

TEST_CASE("a provider needs four things, and has the usual rest") {
  CHECK_FALSE(report_of(one_upstream, environment_of({})).config.oidc.has_value());
  const auto report = report_of(with(least), environment_of({}));
  for (const Finding& finding : report.findings) FAIL_CHECK(finding.to_string());
  REQUIRE(report.config.oidc.has_value());
  const sign_on::Provider& provider = report.config.oidc->provider;
  CHECK(provider.issuer == "https://id.acme.example");
  CHECK(provider.client_secret.reveal() == "s3cret");
  CHECK(provider.label == "single sign-on");
  CHECK(provider.scopes == std::vector<std::string>{"openid", "profile", "email"});
  CHECK(provider.username_claim == "email");
  CHECK(provider.roles.empty());
}

TEST_CASE("groups have roles") {
  const auto report = report_of(
      with(least + ", label: Acme, scopes: [openid, groups], username_claim: preferred_username, role_claim: groups, "
                   "roles: { admin: [platform], viewer: [staff, sales] }"),
      environment_of({}));
  for (const Finding& finding : report.findings) FAIL_CHECK(finding.to_string());
  const sign_on::Provider& provider = report.config.oidc->provider;
  CHECK(provider.label == "Acme");
  CHECK(provider.role_claim == "groups");
  REQUIRE(provider.roles.size() == 3);
  CHECK(provider.roles[0] == std::pair(std::string("staff"), identity::Role::viewer));
  CHECK(provider.roles[2] == std::pair(std::string("platform"), identity::Role::admin));
}

TEST_CASE("what is wrong with a provider is said with its remedy") {
  check_findings({
      {with("issuer: https://a, client_id: b, client_secret: c"), "m.yaml:2: 'oidc.redirect_uri' is missing"},
      {with("issuer: http://id.acme.example" + least.substr(least.find(','))),
       "m.yaml:2: 'oidc.issuer' must begin with https://; http:// is for a provider on this machine alone"},
      {with("issuer: https://a, client_id: b, client_secret: c, redirect_uri: https://gate/callback"),
       "m.yaml:2: 'oidc.redirect_uri' must be the address of these pages followed by /api/auth/oidc/callback, as it is "
       "registered with the provider"},
      {with(least + ", scopes: [email]"), "m.yaml:2: 'oidc.scopes' must have openid: without it there is no ID token"},
      {with(least + ", role_claim: groups"),
       "m.yaml:2: 'oidc.role_claim' needs the other one: 'role_claim' names the claim, and 'roles' which of its values "
       "may do what"},
      {with(least + ", role_claim: groups, roles: { admin: [a], viewer: [a] }"),
       "m.yaml:2: 'oidc.roles.admin' has 'a', which has a role already"},
      {with(least + ", role_claim: groups, roles: {}"),
       "m.yaml:2: 'oidc.roles' gives no role; write viewer, operator or admin with their groups"},
      {with(least + ", tokens: x"), "m.yaml:2: 'oidc.tokens' is not a known key"},
  });
}
