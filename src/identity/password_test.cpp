#include "identity/password.h"

#include <doctest/doctest.h>

#include "identity/example_secret.h"

using base::Secret;

namespace {
std::string refusal(std::string password, std::string_view name = "alice") {
  const auto checked = identity::check_new_password(Secret(std::move(password)), name);
  return checked ? std::string() : checked.error().message;
}
}  // namespace

TEST_CASE("a password fits its own hash and no other one") {
  const auto hash = identity::hash_password(Secret("a horse, a staple"));
  REQUIRE(hash.has_value());
  CHECK(hash->starts_with("$argon2id$v=19$m=65536,t=2,p=1$"));
  CHECK(identity::password_fits(Secret("a horse, a staple"), *hash));
  CHECK_FALSE(identity::password_fits(Secret("a horse, a stable"), *hash));
  CHECK_FALSE(identity::password_fits(Secret(""), *hash));
  CHECK(*identity::hash_password(Secret("a horse, a staple")) != *hash);
}

TEST_CASE("nobody has an empty hash, whatever is tried") {
  CHECK_FALSE(identity::password_fits(Secret("a horse, a staple"), ""));
  CHECK_FALSE(identity::password_fits(Secret(""), ""));
  CHECK_FALSE(identity::password_fits(Secret("a horse, a staple"), "$argon2id$nonsense"));
}

TEST_CASE("a new password is long enough, and not one that is tried first") {
  CHECK(refusal("a horse, a staple").empty());
  CHECK(refusal("").contains("12 characters"));
  CHECK(refusal("elevenchars").contains("12 characters"));
  CHECK(refusal("twelve chars").empty());
  CHECK(refusal("äöüäöüäöüäö").contains("12 characters"));  // eleven of them, in 22 bytes
  CHECK(refusal(std::string(1025, 'a') + "b").contains("1024 bytes"));
  CHECK(refusal("Password1234").contains("everybody tries first"));
  CHECK(refusal("ChangeMe-2026!").contains("everybody tries first"));
  CHECK(refusal("aaaaaaaaaaaaaaaa").contains("everybody tries first"));
  CHECK(refusal("Alice@Example.com", "alice@example.com").contains("the user's name"));
}

TEST_CASE("examples of documentation are no secrets") {
  for (const char* example : {"", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "your-super-secret-key-min-32-characters",
                              "CHANGE-ME-CHANGE-ME-CHANGE-ME-CHANGE-ME", "change_this_in_production_0123456789"}) {
    CAPTURE(example);
    CHECK(identity::is_example_secret(example));
  }
  CHECK_FALSE(identity::is_example_secret("5f2b7c1de0a94f6b8c3d1e7a9b0c2d4e"));
  CHECK_FALSE(identity::is_example_secret("Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4"));
}
