#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// Brings a database to the schema of this program: all of it in one transaction, forward only. An empty file gets
// everything. Refuses a file that is not Metergate's, and one that a newer Metergate wrote. `version_wanted` stops at
// an older schema, for tests of what a newer program finds.
//
// The version is kept where SQLite has a place for it (PRAGMA user_version), and so is the sign that the file is ours
// (PRAGMA application_id).
base::Status migrate(Database& database, std::optional<std::int64_t> version_wanted = std::nullopt);

}  // namespace store::sqlite
