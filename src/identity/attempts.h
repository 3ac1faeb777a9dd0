#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace identity {

// Slows guessing down. Whoever has failed some times, by name or by address, waits before the next try is looked at,
// twice as long each time; a success forgets the name's failures, not the address's. Kept in memory: a restart
// forgives, and takes longer than what it forgives.
//
// Not thread-safe: its owner guards it.
class LoginAttempts {
 public:
  static constexpr int free_failures = 5;
  static constexpr std::int64_t longest_wait_ms = 15 * 60'000;
  static constexpr std::size_t most_remembered = 10'000;

  // How long until this one may try, in milliseconds; 0: now. Without a name only the address counts, here and below.
  std::int64_t wait_ms(std::string_view name, std::string_view address, base::WallTime now) const;
  void failed(std::string_view name, std::string_view address, base::WallTime now);
  void succeeded(std::string_view name);

 private:
  struct Failures {
    int count = 0;
    base::WallTime last;
  };
  using Table = std::unordered_map<std::string, Failures>;

  static std::int64_t wait_of(const Table& table, std::string_view who, base::WallTime now);
  static void note(Table& table, std::string_view who, base::WallTime now);

  Table by_name_;
  Table by_address_;
};

}  // namespace identity
