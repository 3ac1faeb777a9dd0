#pragma once
// Enumerations are stored as the text that people see, so that a new enumerator never changes the meaning of old rows.

#include <fmt/format.h>

#include <string_view>

#include "base/result.h"

namespace store::sqlite {

// The enumerator that to_string writes as `text`; `last` is the enumeration's last one. An unknown text is an error:
// a newer program wrote it, or a person.
template <class Enum>
base::Result<Enum> enum_from(std::string_view text, Enum last, std::string_view column) {
  for (int number = 0; number <= static_cast<int>(last); ++number)
    if (const auto value = static_cast<Enum>(number); to_string(value) == text) return value;
  return base::fail(base::ErrorType::unavailable,
                    fmt::format("the database holds '{}' in {}, which this version does not know", text, column), {},
                    base::Source::store);
}

}  // namespace store::sqlite
