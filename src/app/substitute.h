#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace app {

// Looks a variable up; nullopt if it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
// The process's own variables.
Environment process_environment();

// Replaces ${VAR} by the variable's value and ${VAR:-default} by the value or, if that is unset or empty, by the
// default; $$ stands for one '$'. What comes in is never read again, so a value may hold any character. An unset
// variable without a default and any other use of '$' are errors; `field` of the error is the variable's name.
base::Result<std::string> substitute(std::string_view text, const Environment& environment);

}  // namespace app
