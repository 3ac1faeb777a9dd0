#include "store/sqlite/fees.h"

namespace store::sqlite {

base::Result<std::optional<catalog::MonthlyFee>> take_fee(Rows& rows) {
  catalog::MonthlyFee fee;
  fee.amount = base::Money::from_nanos(rows.take_integer());
  fee.day = static_cast<int>(rows.take_integer());
  const auto zone = base::TimeZone::find(rows.take_text());
  if (!zone)
    return base::fail(base::ErrorType::unavailable, "accounts.fee_zone: " + zone.error().message, {},
                      base::Source::store);
  fee.zone = *zone;
  fee.since = rows.take_time();
  if (fee.amount.is_zero()) return std::nullopt;
  return fee;
}

base::Result<std::vector<std::pair<catalog::Account, std::optional<base::WindowLabel>>>> read_fees(Database& database) {
  TRY(Rows rows, database.query("SELECT id, monthly_fee, fee_day, fee_zone, fee_since, fee_through FROM accounts "
                                "WHERE monthly_fee > 0 ORDER BY id"));
  std::vector<std::pair<catalog::Account, std::optional<base::WindowLabel>>> found;
  for (;;) {
    TRY(const bool another, rows.next());
    if (!another) return found;
    catalog::Account account;
    account.id = rows.take_id<base::AccountId>();
    TRY(account.monthly_fee, take_fee(rows));
    const auto through = rows.take_optional_integer();
    found.emplace_back(std::move(account), through ? std::optional(base::WindowLabel{*through}) : std::nullopt);
  }
}

}  // namespace store::sqlite
