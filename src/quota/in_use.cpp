// Which limits are in use, and how much is left of those that are nearest to their ends. Chosen by the leases in
// memory, so that a million limits cost a walk over them and no question to the store; told as the store knows them.
#include <algorithm>

#include "quota/keeper.h"

namespace quota {
namespace {

struct Candidate {
  const catalog::Limit* limit;
  std::int64_t left;
  std::int64_t amount;
};

// By the part of the amount that is left. An amount of nothing has none of it left.
bool has_less_left(const Candidate& a, const Candidate& b) {
  const auto part = [](const Candidate& of, const Candidate& other) {
    return static_cast<__int128>(of.left) * std::max<std::int64_t>(other.amount, 1);
  };
  const auto mine = part(a, b), others = part(b, a);
  return mine != others ? mine < others : a.limit->id < b.limit->id;
}

}  // namespace

void Keeper::ask_in_use(std::shared_ptr<const catalog::Snapshot> catalog, std::size_t most,
                        std::function<void(base::Result<InUse>)> answered) {
  run([this, catalog = std::move(catalog), most, answered = std::move(answered)] {
    answered(in_use_now(*catalog, most));
  });
}

base::Result<InUse> Keeper::in_use_now(const catalog::Snapshot& catalog, std::size_t most) {
  const base::WallTime now = wall_now();
  std::vector<Candidate> least;  // a heap, whose front has the most left
  std::size_t in_use = 0;
  for (const auto& [counter, lease] : leases_) {
    if (!lease->span().contains(now)) continue;
    const catalog::Limit* const limit = catalog.find_limit(counter.limit);
    if (limit == nullptr) continue;  // a grant of a balance, or it was removed
    ++in_use;
    const std::int64_t held = lease->reserved() + lease->known_.quoted;
    least.push_back({limit, lease->amount() - lease->spent() - lease->unresolved() - held, lease->amount()});
    std::ranges::push_heap(least, has_less_left);
    if (least.size() <= most) continue;
    std::ranges::pop_heap(least, has_less_left);
    least.pop_back();
  }
  std::ranges::sort_heap(least, has_less_left);
  std::vector<catalog::Limit> limits;
  for (const Candidate& one : least) limits.push_back(*one.limit);
  TRY(const auto numbers, numbers_now(limits));
  InUse answer{.limits = {}, .left_out = in_use - limits.size()};
  for (std::size_t i = 0; i < limits.size(); ++i) answer.limits.push_back({std::move(limits[i]), numbers[i]});
  return answer;
}

}  // namespace quota
