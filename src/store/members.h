#pragma once
// Who is below an account, and who was. An account that is moved takes nothing along of what it has spent: what its
// calls took belongs to where it was then, also for a limit that comes into force there later.
//
// A call counts where its account was when it was asked for, and may have waited for its place (admission.wait_ms, a
// minute at most): so for a minute after a move the account is at both places, and nothing that it took is forgiven.
// Nor is anything where the clock was set back before the move: then it is at both until the clock is where it was, and
// all that was recorded before the move belongs to the old place.

#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace store {

// That an account was where it is no longer.
struct Move {
  base::AccountId account;
  std::optional<base::AccountId> parent;  // nullopt: it was at the top
  base::WallTime at;                      // since then it is elsewhere
  base::WallTime until;                   // no record from before the move has started later; `at`, or later
};

class Members {
 public:
  static constexpr std::int64_t overlap_ms = 60'000;
  using Parents = std::map<base::AccountId, std::optional<base::AccountId>>;

  Members() = default;
  // They are below it, and always were since they exist.
  explicit Members(std::set<base::AccountId> accounts) : all_(std::move(accounts)) {}
  // `parents`: where each account is now that is or ever was below `top`, and possibly others; `moves`: at least those
  // of these accounts.
  static Members of(base::AccountId top, const Parents& parents, std::span<const Move> moves);

  // Everybody who is or was, `top` among them.
  const std::set<base::AccountId>& all() const { return all_; }
  bool holds(base::AccountId account, base::WallTime at) const;
  // At any time from `from` to `to`, both included.
  bool holds_between(base::AccountId account, base::WallTime from, base::WallTime to) const;
  bool any_moved() const { return !at_times_.empty(); }  // or else all() is who holds, at any time

 private:
  // Half-open.
  struct Span {
    base::WallTime from, to;
  };
  class Tree;

  std::set<base::AccountId> all_;
  std::map<base::AccountId, std::vector<Span>> at_times_;  // of those who were not always
};

}  // namespace store
