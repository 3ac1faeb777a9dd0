#include "catalog/key.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <tuple>
#include <utility>

namespace catalog {
namespace {

constexpr std::string_view base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view data_prefix = "mg_live_";
constexpr std::string_view admin_prefix = "mg_admin_";
constexpr std::size_t random_characters = 32;
constexpr std::size_t checksum_characters = 6;

std::string_view prefix_of(KeyRole role) { return role == KeyRole::data ? data_prefix : admin_prefix; }

// The prefix that a secret begins with, or empty.
std::string_view prefix_in(std::string_view secret) {
  for (const std::string_view prefix : {data_prefix, admin_prefix})
    if (secret.starts_with(prefix)) return prefix;
  return {};
}

// Every character is as likely as any other: a byte of 248 (4 × 62) or more is drawn again, since a plain remainder
// would favour the first eight characters.
std::string random_base62(std::size_t count, base::Random& random) {
  constexpr unsigned fair_bytes = 4 * base62.size();
  static_assert(base62.size() == 62 && fair_bytes <= 256);
  std::string text;
  text.reserve(count);
  std::array<std::byte, 40> bytes{};
  while (text.size() < count) {
    random.fill(bytes);
    for (const std::byte byte : bytes) {
      const auto value = std::to_integer<unsigned>(byte);
      if (value < fair_bytes && text.size() < count) text.push_back(base62[value % base62.size()]);
    }
  }
  return text;
}

// Six base62 digits, most significant first, of the first eight bytes of the text's SHA-256 (big-endian) modulo 62^6.
// It finds slips of the pen and cut-off pastes; it proves nothing, since anybody can compute it.
std::string checksum_of(std::string_view text) {
  const base::Sha256 digest = base::sha256(text);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value = value << 8 | digest[i];
  std::string digits(checksum_characters, '0');
  for (std::size_t i = checksum_characters; i-- > 0; value /= base62.size()) digits[i] = base62[value % base62.size()];
  return digits;
}

}  // namespace

std::string_view to_string(KeyStatus status) noexcept {
  switch (status) {
    case KeyStatus::active: return "active";
    case KeyStatus::revoked: return "revoked";
  }
  return "revoked";
}

std::string_view to_string(KeyRole role) noexcept {
  switch (role) {
    case KeyRole::data: return "data";
    case KeyRole::admin: return "admin";
  }
  return "data";
}

const KeyExtras& Key::extras() const {
  static const KeyExtras none;
  return shared_extras == nullptr ? none : *shared_extras;
}

void Key::set_extras(KeyExtras extras) {
  shared_extras = extras == KeyExtras() ? nullptr : std::make_shared<const KeyExtras>(std::move(extras));
}

bool Key::operator==(const Key& other) const {
  const auto own = [](const Key& key) {
    return std::tie(key.id, key.account, key.name, key.hash, key.hint, key.role, key.status, key.created, key.expires,
                    key.tags, key.extras());
  };
  return own(*this) == own(other);
}

std::string new_secret(KeyRole role, base::Random& random) {
  std::string secret(prefix_of(role));
  secret += random_base62(random_characters, random);
  secret += checksum_of(secret);
  return secret;
}

bool is_well_formed_secret(std::string_view secret) {
  const std::string_view prefix = prefix_in(secret);
  if (prefix.empty() || secret.size() != prefix.size() + random_characters + checksum_characters) return false;
  if (secret.substr(prefix.size()).find_first_not_of(base62) != std::string_view::npos) return false;
  const std::size_t covered = secret.size() - checksum_characters;
  return secret.substr(covered) == checksum_of(secret.substr(0, covered));
}

std::string hint_of(std::string_view secret) {
  const std::size_t prefix = prefix_in(secret).size();
  // What is too short to hide anything is not shown at all.
  if (prefix == 0 || secret.size() < prefix + random_characters) return "…";
  return fmt::format("{}…{}", secret.substr(0, prefix + 2), secret.substr(secret.size() - 4));
}

}  // namespace catalog
