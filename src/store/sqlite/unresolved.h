#pragma once
// The table of what is unresolved, written by whatever writes usage records.

#include <optional>
#include <span>

#include "base/result.h"
#include "events/usage_record.h"
#include "quota/unresolved.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// Inserts those of the records that hold something as unresolved. `since` unless told is when the exchange ended. In
// the transaction that writes them.
base::Status note_unresolved(Database& database, std::span<const events::UsageRecord* const> fresh,
                             std::optional<base::WallTime> since = std::nullopt);

// The open item holds this, too, from here on: of a limit that came into force after it.
base::Status add_hold(Database& database, base::ExchangeId item, const events::Hold& hold);

// Inserts those of the whole usage log: what a database of a schema without the table brings along.
base::Status note_all_unresolved(Database& database);

// The item of a row: id, since, record, verdict, reason, correction.
base::Result<quota::UnresolvedItem> take_unresolved(Rows& rows);

}  // namespace store::sqlite
