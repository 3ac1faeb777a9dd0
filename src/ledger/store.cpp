#include "ledger/store.h"

namespace ledger {

void Derivation::add(const Transfer& transfer) {
  for (const GrantChange& change : changes_of(transfer)) {
    GrantChange& sum = sums_[change.grant];
    sum.credited += change.credited;
    sum.spent += change.spent;
    sum.unresolved += change.unresolved;
    sum.disputed += change.disputed;
    sum.expired += change.expired;
  }
}

std::vector<Discrepancy> Derivation::compare(const Book& kept) const {
  std::vector<Discrepancy> found;
  auto left = sums_;
  for (const GrantState& state : kept) {
    const GrantChange derived = left[state.grant.id];
    left.erase(state.grant.id);
    const auto check = [&](const char* what, base::Money is, base::Money should) {
      if (is != should) found.push_back({state.grant.id, what, is, should});
    };
    check("credited", state.grant.credited, derived.credited);
    check("spent", state.spent, derived.spent);
    check("unresolved", state.unresolved, derived.unresolved);
    check("disputed", state.disputed, derived.disputed);
    check("expired", state.expired, derived.expired);
  }
  // Postings of a grant that is not there.
  for (const auto& [grant, sum] : left) found.push_back({grant, "credited", {}, sum.credited});
  return found;
}

}  // namespace ledger
