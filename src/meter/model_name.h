#pragma once

#include <string_view>

namespace meter {

// The name without the date of its snapshot at its end ("-2024-08-06", "-20241022", "-0613", "@20240620"), or the name
// as it is.
std::string_view without_date(std::string_view model) noexcept;

// Models of OpenAI that search the web once for each answer, asked or not (gpt-4o-search-preview, gpt-5-search-api).
bool always_searches(std::string_view model) noexcept;

}  // namespace meter
