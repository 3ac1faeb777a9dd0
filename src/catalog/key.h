#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "base/sha256.h"
#include "catalog/key_scope.h"

namespace catalog {

enum class KeyStatus : std::uint8_t { active, revoked };
// A data key calls the proxy and is refused by the control plane; an admin key the other way round.
enum class KeyRole : std::uint8_t { data, admin };

// The secret that a key had before it was rotated, and until when it is taken beside the new one.
struct ReplacedSecret {
  base::Sha256 hash{};
  std::string hint;
  base::WallTime until;
  bool operator==(const ReplacedSecret&) const = default;
};
// What few keys have; the others need no room for it.
struct KeyExtras {
  KeyScope scope = {};
  std::optional<ReplacedSecret> replaced = std::nullopt;
  bool operator==(const KeyExtras&) const = default;
};

// What a client presents. The secret itself is shown once and never stored.
struct Key {
  base::KeyId id;
  base::AccountId account;  // nil for an admin key
  std::string name;         // 1 to 200 characters
  base::Sha256 hash{};      // of the whole secret
  std::string hint;         // "mg_live_Ab…wxyz", to tell keys apart
  KeyRole role = KeyRole::data;
  KeyStatus status = KeyStatus::active;
  base::WallTime created;
  std::optional<base::WallTime> expires;
  std::string tags = {};                                // that every call with it has (tags.h)
  std::shared_ptr<const KeyExtras> shared_extras = {};  // null: none

  const KeyExtras& extras() const;
  void set_extras(KeyExtras extras);
  bool operator==(const Key& other) const;
};

std::string_view to_string(KeyStatus status) noexcept;
std::string_view to_string(KeyRole role) noexcept;

// A new secret: "mg_live_" (data) or "mg_admin_" + 32 random base62 characters (190 bits) + 6 of checksum.
std::string new_secret(KeyRole role, base::Random& random);
// True if prefix and checksum fit: tells a mistyped key from an unknown one before any table is asked.
bool is_well_formed_secret(std::string_view secret);
// The part of a secret that may be shown: prefix, two characters, "…", the last four.
std::string hint_of(std::string_view secret);

}  // namespace catalog
