#pragma once
// How a usage record lies in its row. Written by the flush, read by the usage log; its holds are rows of their own.

#include "base/result.h"
#include "events/usage_record.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// The columns that take_usage takes, in its order.
extern const std::string_view usage_columns;

// false: a record with this id is there already.
base::Result<bool> insert_usage(Database& database, const events::UsageRecord& record);
base::Status insert_holds(Database& database, const events::UsageRecord& record);

// The record of the current row, without its holds.
base::Result<events::UsageRecord> take_usage(Rows& rows);
base::Result<std::vector<events::Hold>> read_holds(Database& database, base::ExchangeId id);

}  // namespace store::sqlite
