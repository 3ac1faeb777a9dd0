#include "catalog/key.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "tests/support/seeded_random.h"

using catalog::KeyRole;

TEST_CASE("a new secret has its role's prefix, 32 random characters and a checksum that fits") {
  tests::SeededRandom random(7);
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string data = catalog::new_secret(KeyRole::data, random);
    const std::string admin = catalog::new_secret(KeyRole::admin, random);
    CHECK(data.starts_with("mg_live_"));
    CHECK(data.size() == 8 + 32 + 6);
    CHECK(admin.starts_with("mg_admin_"));
    CHECK(admin.size() == 9 + 32 + 6);
    CHECK(catalog::is_well_formed_secret(data));
    CHECK(catalog::is_well_formed_secret(admin));
    CHECK(seen.insert(data).second);
    CHECK(seen.insert(admin).second);
  }
}

TEST_CASE("no base62 character is likelier than another") {
  tests::SeededRandom random(1);
  std::array<int, 128> count{};
  for (int i = 0; i < 2'000; ++i)
    for (const char character : catalog::new_secret(KeyRole::data, random).substr(8, 32))
      ++count[static_cast<unsigned char>(character)];
  // 64,000 characters, 1,032 of each expected; a plain remainder of a byte would give eight of them 1,250.
  const auto used = std::ranges::count_if(count, [](int times) { return times > 0; });
  CHECK(used == 62);
  for (const int times : count)
    if (times > 0) CHECK(std::abs(times - 1'032) < 130);
}

TEST_CASE("a slip of the pen is told from an unknown key") {
  tests::SeededRandom random(11);
  const std::string secret = catalog::new_secret(KeyRole::data, random);
  for (std::size_t i = 0; i < secret.size(); ++i) {
    CAPTURE(i);
    std::string wrong = secret;
    wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
    CHECK_FALSE(catalog::is_well_formed_secret(wrong));
  }
  for (const std::string& wrong : {std::string(), secret.substr(1), secret + "x", secret.substr(0, secret.size() - 1),
                                   "mg_admin_" + secret.substr(8), std::string("mg_live_"), "sk-" + secret.substr(8)}) {
    CAPTURE(wrong);
    CHECK_FALSE(catalog::is_well_formed_secret(wrong));
  }
}

TEST_CASE("the checksum is what the key format says") {
  // Computed apart from this code: sha256("mg_live_" + 32 zeros), first 8 bytes mod 62^6 in base62.
  CHECK(catalog::is_well_formed_secret("mg_live_00000000000000000000000000000000tb8NRg"));
  CHECK(catalog::is_well_formed_secret("mg_admin_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzg5McYv"));
}

TEST_CASE("a hint shows the ends of a secret and nothing else") {
  tests::SeededRandom random(3);
  const std::string secret = catalog::new_secret(KeyRole::data, random);
  CHECK(catalog::hint_of(secret) == secret.substr(0, 10) + "…" + secret.substr(42));
  CHECK(catalog::hint_of(catalog::new_secret(KeyRole::admin, random)).starts_with("mg_admin_"));
  CHECK(catalog::hint_of("mg_live_short") == "…");
  CHECK(catalog::hint_of("sk-somebody-else's-secret-of-some-length-or-other") == "…");
}
