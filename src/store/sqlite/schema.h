#pragma once

#include "base/result.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// Brings a database to the schema of this program: all of it in one transaction, forward only. An empty file gets
// everything. Refuses a file that is not Metergate's, and one that a newer Metergate wrote.
//
// The version is kept where SQLite has a place for it (PRAGMA user_version), and so is the sign that the file is ours
// (PRAGMA application_id).
base::Status migrate(Database& database);

}  // namespace store::sqlite
