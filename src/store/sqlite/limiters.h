#pragma once

#include "base/result.h"
#include "catalog/limiter.h"
#include "catalog/table.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// All of them, oldest first, removed ones too.
base::Result<catalog::Table<catalog::Limiter>> read_limiters(Database& database);
// In place of what has the same account. Conflict: it points nowhere, or the code is another one's.
base::Status write_limiter(Database& database, const catalog::Limiter& limiter);

}  // namespace store::sqlite
