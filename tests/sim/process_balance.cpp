// What a prepaid account's balance pays for.
#include "tests/sim/process.h"

namespace sim {

std::optional<BalanceWant> Process::balance_want(const Seen& view, const quota::Amounts& amounts) const {
  if (!view.account.credit_only) return std::nullopt;
  BalanceWant want{.bound = amounts.usd, .markup_basis_points = view.account.markup.value, .known = {}};
  for (const catalog::Grant& grant : view.grants)
    want.known.push_back(around_.numbers.at(catalog::counter_of(grant.id)));
  return want;
}

bool Process::ask_balance_alone(std::int64_t charge) {
  const View view = workers_.front().view;
  auto plain = std::make_shared<Seen>(*view);
  plain->account.markup = {};
  const quota::Amounts amounts = [&] {
    quota::Amounts of = amounts_of(charge, 0, 1);
    of.charge = of.usd;
    return of;
  }();
  Exchange exchange{.number = around_.next_exchange++,
                    .worker = 0,
                    .wants = {},
                    .balance = balance_want(*plain, amounts),
                    .view = plain,
                    .asked_at_ms = around_.clock.early_ms(),
                    .reservation = {}};
  submit(std::move(exchange), {}, amounts, 0);
  return decided_alone();
}

}  // namespace sim
