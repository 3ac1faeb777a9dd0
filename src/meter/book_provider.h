#pragma once

#include <string_view>

namespace meter {

// What a price book calls a provider that endpoints and upstreams name so ("together" is "together_ai"). Empty: it has
// no rows of such a provider.
std::string_view book_provider(std::string_view provider) noexcept;

}  // namespace meter
