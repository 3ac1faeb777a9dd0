#include <doctest/doctest.h>

#include "base/ids.h"
#include "base/rfc3339.h"
#include "base/sha256.h"
#include "base/sha256_cache.h"

using namespace base;

namespace {
class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(next_++);
  }

 private:
  unsigned char next_ = 0;
};
constexpr WallTime at(std::int64_t ms) { return WallTime{ms}; }
}  // namespace

TEST_CASE("an id carries its time and reads back what it writes") {
  CountingRandom random;
  const auto id = AccountId::create(at(0x0190a6d27c1e), random);
  CHECK(id.to_string() == "0190a6d2-7c1e-7607-8809-0a0b0c0d0e0f");
  CHECK(AccountId::parse(id.to_string()) == id);
  for (const char* text : {"", "0190a6d2-7c1e-7607-8809-0a0b0c0d0e0", "0190a6d2-7c1e-7607-8809-0a0b0c0d0e0g",
                           "0190a6d277c1e-7607-8809-0a0b0c0d0e0f", "0190a6d2-7c1e-7607-8809-0a0b0c0d0e0f0"}) {
    CAPTURE(text);
    CHECK_FALSE(AccountId::parse(text).has_value());
  }
}

TEST_CASE("a cache of digests gives what sha256 gives, however many texts share a place") {
  Sha256Cache cache(base::system_random());
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 2000; ++i) {
      const std::string text = std::to_string(i);
      REQUIRE(cache.of(text) == sha256(text));
      REQUIRE(cache.of(text) == sha256(text));
    }
  CHECK(cache.of("") == sha256(""));
}

TEST_CASE("hmac_sha256 gives the digests of RFC 4231, of a long key too") {
  CHECK(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("sha256 gives the published digest of abc") {
  CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(equal_in_constant_time(sha256("abc"), sha256("abc")));
  CHECK_FALSE(equal_in_constant_time(sha256("abc"), sha256("abd")));
}

TEST_CASE("a time is written in UTC, to the millisecond") {
  for (const auto& [ms, text] : {std::pair{0L, "1970-01-01T00:00:00.000Z"},
                                 {1709164799999L, "2024-02-28T23:59:59.999Z"},
                                 {1709164800000L, "2024-02-29T00:00:00.000Z"},
                                 {1795233960123L, "2026-11-21T04:06:00.123Z"}})
    CHECK(to_rfc3339(at(ms)) == text);
}
