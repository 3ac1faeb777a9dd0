#pragma once

#include <fmt/format.h>

#include <utility>

#include "base/result.h"

namespace catalog {

// A store whose contents contradict each other is nobody's request: serving on would guess at who may spend.
template <class... Values>
std::unexpected<base::Error> contradiction(fmt::format_string<Values...> message, Values&&... values) {
  return base::fail(base::ErrorType::unavailable, fmt::format(message, std::forward<Values>(values)...), {},
                    base::Source::store);
}

}  // namespace catalog
