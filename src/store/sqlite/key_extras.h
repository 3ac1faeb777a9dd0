#pragma once

#include <map>

#include "base/result.h"
#include "catalog/key.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// Of the keys that have any.
base::Result<std::map<base::KeyId, catalog::KeyExtras>> read_key_extras(Database& database);
// In place of what the key had; the key is there.
base::Status write_key_extras(Database& database, const catalog::Key& key);

}  // namespace store::sqlite
