#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "catalog/account.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// The four columns of a monthly fee as they come next.
base::Result<std::optional<catalog::MonthlyFee>> take_fee(Rows& rows);

// The accounts that have a monthly fee, as far as that matters to it, and the last period of each that was posted.
base::Result<std::vector<std::pair<catalog::Account, std::optional<base::WindowLabel>>>> read_fees(Database& database);

}  // namespace store::sqlite
