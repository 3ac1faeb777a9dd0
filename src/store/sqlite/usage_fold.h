#pragma once
// Folding: the second step of writing the usage log. A flush writes a segment and nothing else. Once for some thousands
// of records, in the transaction of a flush, what their segments say is folded into tables:
//
//   usage_sums   what all folded records add up to, by day, account, key, model and upstream
//   usage_rollups, usage_latencies   the same by one thing at a time (usage_rollup.h)
//   usage_ids    where each folded record is, by its id: for each fold, blocks of ids in their order
//
// So a row is written for a group of some thousands of records, not for one of some hundred. Who reads takes the tables
// for the folded segments and the few segments after them as they are; nothing is ever missing or there twice.

#include <optional>

#include "base/ids.h"
#include "base/result.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// The last segment that is folded, and the largest id of all that are; 0 and nil before the first fold.
struct Folded {
  std::int64_t through = 0;
  base::Uuid last_id;
};
base::Result<Folded> read_folded(Database& database);

// Folds the segments from the first that is not folded to `last`, none of which may grow any more and which have
// `count` records or fewer. In a transaction.
base::Status fold(Database& database, std::int64_t last, std::size_t count);

// The segment of a folded record; nullopt: no such record is folded.
base::Result<std::optional<std::int64_t>> find_folded(Database& database, const base::Uuid& id);

}  // namespace store::sqlite
