#pragma once
// The fields that limits and templates have in common.

#include "admin/api.h"
#include "base/json.h"

namespace admin {

// All that is told of a limit when it is made, but its subject; then nothing else may be left in `fields`.
base::Result<catalog::NewLimit> read_terms(base::JsonFields& fields, const Options& options);
// What may change of a limit of that unit; nothing else may be left. `identity`: the fields that say what it is on.
base::Result<catalog::LimitEdit> read_limit_edit(base::JsonFields& fields, catalog::LimitUnit unit,
                                                 std::span<const std::string_view> identity);
// A limit on a named unit that no call takes anything of would never refuse. `route`: the one that it is for; empty:
// any.
base::Status check_unit(const Options& options, const catalog::Unit& unit, std::string_view route);
base::Result<std::int64_t> read_amount(catalog::LimitUnit unit, std::string_view text);

}  // namespace admin
