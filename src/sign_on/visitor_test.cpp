#include "sign_on/visitor.h"

#include <doctest/doctest.h>

namespace {

base::Json json(std::string_view text) { return *base::Json::parse(text); }

sign_on::Provider acme() {
  sign_on::Provider provider;
  provider.issuer = "https://id.acme.example";
  return provider;
}

sign_on::Provider with_groups() {
  auto provider = acme();
  provider.role_claim = "groups";
  provider.roles = {
      {"staff", identity::Role::viewer}, {"on call", identity::Role::operates}, {"platform", identity::Role::admin}};
  return provider;
}

std::optional<identity::Role> role_of(std::string_view groups) {
  const auto found = sign_on::visitor_of(
      json(R"({"sub":"1","email":"a@b.c","email_verified":true,"groups":)" + std::string(groups) + "}"), {},
      with_groups());
  if (found) return found->role;
  CHECK(found.error().type == base::ErrorType::forbidden);
  return std::nullopt;
}

}  // namespace

TEST_CASE("who comes is known by issuer and subject, and called as the claim says") {
  const auto found =
      sign_on::visitor_of(json(R"({"sub":"7","email":"Ann@Acme.example","email_verified":true})"), {}, acme());
  REQUIRE(found.has_value());
  CHECK(found->subject == "https://id.acme.example 7");
  CHECK(found->name == "ann@acme.example");
  CHECK_FALSE(found->role.has_value());
}

TEST_CASE("an address that nobody has verified names nobody") {
  for (const char* verified : {R"(,"email_verified":false)", R"(,"email_verified":"false")", ""}) {
    const auto found =
        sign_on::visitor_of(json(R"({"sub":"7","email":"ann@acme.example")" + std::string(verified) + "}"), {}, acme());
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().message.contains("has verified"));
  }
  auto by_name = acme();
  by_name.username_claim = "preferred_username";
  CHECK(sign_on::visitor_of(json(R"({"sub":"7","preferred_username":"ann"})"), {}, by_name)->name == "ann");
}

TEST_CASE("what the token lacks comes from userinfo of the same subject") {
  const auto token = json(R"({"sub":"7"})");
  CHECK(sign_on::lacks_claims(token, acme()));
  CHECK(sign_on::lacks_claims(json(R"({"sub":"7","email":"a@b.c"})"), acme()));
  const auto whole = json(R"({"sub":"7","email":"a@b.c","email_verified":true})");
  CHECK_FALSE(sign_on::lacks_claims(whole, acme()));
  CHECK(sign_on::lacks_claims(whole, with_groups()));
  CHECK(sign_on::visitor_of(token, whole, acme())->name == "a@b.c");
  const auto others = json(R"({"sub":"8","email":"a@b.c","email_verified":true})");
  CHECK_FALSE(sign_on::visitor_of(token, others, acme()).has_value());
  CHECK_FALSE(sign_on::visitor_of(token, json(R"({"email":"a@b.c"})"), acme()).has_value());
}

TEST_CASE("of several groups the one that may most decides, and without one nobody comes in") {
  CHECK(role_of(R"(["staff"])") == identity::Role::viewer);
  CHECK(role_of(R"("on call")") == identity::Role::operates);
  CHECK(role_of(R"(["platform","staff","else"])") == identity::Role::admin);
  CHECK_FALSE(role_of(R"(["else","Staff"])").has_value());
  CHECK_FALSE(role_of("[]").has_value());
  CHECK_FALSE(role_of("null").has_value());
  CHECK_FALSE(role_of(R"([{"name":"platform"}])").has_value());
}

TEST_CASE("a claim that can be no user's name is named") {
  for (const char* email : {R"("")", R"("ann smith@acme.example")", "7", "null"}) {
    const auto found = sign_on::visitor_of(
        json(R"({"sub":"7","email_verified":true,"email":)" + std::string(email) + "}"), {}, acme());
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().message.contains("email"));
  }
}
