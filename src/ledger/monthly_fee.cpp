#include "ledger/monthly_fee.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rfc3339.h"

namespace ledger {
namespace {

constexpr std::size_t date_length = sizeof "2026-12-01" - 1;

}  // namespace

std::vector<DueFee> due_fees(const catalog::Account& account, std::optional<base::WindowLabel> through,
                             base::WallTime now) {
  std::vector<DueFee> due;
  if (!account.monthly_fee) return due;
  const catalog::MonthlyFee& fee = *account.monthly_fee;
  const base::WindowPolicy periods{
      .kind = base::WindowPolicy::Kind::cycle, .cycle_day = fee.day, .span_ms = 0, .zone = fee.zone};
  for (base::Window period = base::window_at(periods, now);
       period.start > fee.since && (!through || period.label > *through);
       period = base::window_at(periods, base::WallTime{period.start.ms - 1})) {
    const std::string date = base::to_rfc3339(base::WallTime{period.label.ms}).substr(0, date_length);
    due.push_back({.period = period.label,
                   .order = {.id = derived_id(fmt::format("monthly fee {} {}", account.id.to_string(), date)),
                             .kind = TransferKind::fee,
                             .account = account.id,
                             .subject = {},
                             .amount = fee.amount,
                             .note = "monthly fee of the period from " + date,
                             .terms = {},
                             .opens = {}}});
  }
  std::ranges::reverse(due);
  return due;
}

}  // namespace ledger
