#include "identity/attempts.h"

#include <algorithm>

namespace identity {
namespace {

constexpr std::int64_t first_wait_ms = 1000;

std::int64_t pause_after(int failures) {
  const int more = failures - LoginAttempts::free_failures;
  if (more < 0) return 0;
  return more > 10 ? LoginAttempts::longest_wait_ms : std::min(first_wait_ms << more, LoginAttempts::longest_wait_ms);
}

}  // namespace

std::int64_t LoginAttempts::wait_of(const Table& table, std::string_view who, base::WallTime now) {
  const auto found = table.find(std::string(who));
  if (found == table.end()) return 0;
  // A clock that was put back makes nobody wait longer than there is to wait.
  const std::int64_t pause = pause_after(found->second.count);
  return std::clamp<std::int64_t>(found->second.last.ms + pause - now.ms, 0, pause);
}

std::int64_t LoginAttempts::wait_ms(std::string_view name, std::string_view address, base::WallTime now) const {
  return std::max(wait_of(by_name_, name, now), wait_of(by_address_, address, now));
}

void LoginAttempts::note(Table& table, std::string_view who, base::WallTime now) {
  // What has waited for as long as anybody waits is forgotten; and when that does not make room, all is: to remember
  // without a bound would be the easier attack.
  if (table.size() >= most_remembered) {
    std::erase_if(table, [&](const auto& entry) { return entry.second.last.ms + longest_wait_ms < now.ms; });
    if (table.size() >= most_remembered) table.clear();
  }
  Failures& failures = table[std::string(who)];
  if (failures.last.ms + 2 * longest_wait_ms < now.ms) failures.count = 0;
  ++failures.count;
  failures.last = now;
}

void LoginAttempts::failed(std::string_view name, std::string_view address, base::WallTime now) {
  if (!name.empty()) note(by_name_, name, now);
  note(by_address_, address, now);
}

void LoginAttempts::succeeded(std::string_view name) { by_name_.erase(std::string(name)); }

}  // namespace identity
