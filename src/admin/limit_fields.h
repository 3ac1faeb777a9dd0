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
// The field `status`: 402 or 429; nullopt if it is absent.
base::Result<std::optional<int>> read_refusal_status(base::JsonFields& fields);
// The window as `window` and `time_zone` name it. A zone that would not matter is refused: it would be a mistake.
base::Result<base::WindowPolicy> read_window(base::JsonFields& fields);
// A limit on a named unit that no call takes anything of would never refuse. `route`: the one that it is for; empty:
// any.
base::Status check_unit(const Options& options, const catalog::Unit& unit, std::string_view route);
// A limit on a route that is not there would never apply, and a key for it alone would make no call.
base::Status check_route(const Options& options, const std::string& route, std::string_view field);
base::Result<std::int64_t> read_amount(catalog::LimitUnit unit, std::string_view text);

}  // namespace admin
