#pragma once
// Identities are 128-bit UUIDs of version 7 (RFC 9562): unique without a coordinator, ordered by time of creation.
// Each kind is a type of its own, so that an account is never taken for a key.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"

namespace base {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  static Uuid version7(WallTime now, Random& random);
  // Lower-case 8-4-4-4-12; parse also takes upper case.
  static Result<Uuid> parse(std::string_view text);
  std::string to_string() const;
  // The same 36 characters, without an allocation.
  void write_to(char* out) const;
  bool is_nil() const { return *this == Uuid{}; }
  auto operator<=>(const Uuid&) const = default;
};

template <class Tag>
struct Id {
  Uuid uuid;

  static Id create(WallTime now, Random& random) { return Id{Uuid::version7(now, random)}; }
  static Result<Id> parse(std::string_view text) {
    TRY(const Uuid uuid, Uuid::parse(text));
    return Id{uuid};
  }
  std::string to_string() const { return uuid.to_string(); }
  bool is_nil() const { return uuid.is_nil(); }
  auto operator<=>(const Id&) const = default;
};

using AccountId = Id<struct AccountTag>;
using KeyId = Id<struct KeyTag>;
using LimitId = Id<struct LimitTag>;
using GrantId = Id<struct GrantTag>;
using ExchangeId = Id<struct ExchangeTag>;
using TransferId = Id<struct TransferTag>;
using QuoteId = Id<struct QuoteTag>;

}  // namespace base

template <>
struct std::hash<base::Uuid> {
  std::size_t operator()(const base::Uuid& uuid) const noexcept {
    std::size_t random_part = 0;  // the last 8 bytes of a version 7 UUID are random
    std::memcpy(&random_part, uuid.bytes.data() + 8, sizeof random_part);
    return random_part;
  }
};
template <class Tag>
struct std::hash<base::Id<Tag>> {
  std::size_t operator()(const base::Id<Tag>& id) const noexcept { return std::hash<base::Uuid>{}(id.uuid); }
};
