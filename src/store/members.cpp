#include "store/members.h"

#include <algorithm>
#include <limits>
#include <ranges>

namespace store {
namespace {

constexpr base::WallTime ever{std::numeric_limits<std::int64_t>::min()};
constexpr base::WallTime never{std::numeric_limits<std::int64_t>::max()};

}  // namespace

// Where each account was, and when.
class Members::Tree {
 public:
  Tree(const Parents& parents, std::span<const Move> moves) {
    std::map<base::AccountId, base::WallTime> since;
    for (const Move& move : moves) {
      const auto known = since.emplace(move.account, ever).first;
      places_[move.account].push_back({move.parent, {known->second, {move.until.ms + overlap_ms}}});
      known->second = move.at;
    }
    for (const auto& [account, parent] : parents) {
      const auto moved = since.find(account);
      places_[account].push_back({parent, {moved == since.end() ? ever : moved->second, never}});
    }
  }

  // When `account` was below `top`, within the span, one after the other.
  void find(base::AccountId account, base::AccountId top, Span within, std::vector<Span>& found) {
    if (account == top) return found.push_back(within);
    const auto places = places_.find(account);
    // While a move overlaps, two accounts may have been below each other.
    if (places == places_.end() || std::ranges::find(path_, account) != path_.end()) return;
    path_.push_back(account);
    for (const Place& place : places->second) {
      const Span both{std::max(within.from, place.span.from), std::min(within.to, place.span.to)};
      if (place.parent && both.from < both.to) find(*place.parent, top, both, found);
    }
    path_.pop_back();
  }

 private:
  struct Place {
    std::optional<base::AccountId> parent;
    Span span;
  };
  std::map<base::AccountId, std::vector<Place>> places_;
  std::vector<base::AccountId> path_;
};

Members Members::of(base::AccountId top, const Parents& parents, std::span<const Move> moves) {
  Members members({top});
  Tree tree(parents, moves);
  for (const base::AccountId account : parents | std::views::keys) {
    std::vector<Span> spans;
    tree.find(account, top, {ever, never}, spans);
    if (spans.empty()) continue;
    members.all_.insert(account);
    if (spans.size() == 1 && spans.front().from == ever && spans.front().to == never) continue;
    members.at_times_.emplace(account, std::move(spans));
  }
  return members;
}

bool Members::holds(base::AccountId account, base::WallTime at) const { return holds_between(account, at, at); }

bool Members::holds_between(base::AccountId account, base::WallTime from, base::WallTime to) const {
  if (!all_.contains(account)) return false;
  const auto times = at_times_.find(account);
  return times == at_times_.end() ||
         std::ranges::any_of(times->second, [&](const Span& span) { return span.from <= to && from < span.to; });
}

}  // namespace store
