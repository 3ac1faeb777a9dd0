#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace meter {

// How the provider serves a call, and so at which prices (OpenAI API reference, "service_tier").
enum class ServiceTier : std::uint8_t { standard, flex, priority };

// The tier that a dialect's name stands for; nullopt for a name that nobody has priced. "auto", "default", "scale" and
// other vendors' words for the ordinary service are standard. "auto" means "as the project is configured": a project
// that an operator has moved to priority is billed above the estimate, so such a project needs priority asked for.
std::optional<ServiceTier> known_service_tier(std::string_view name) noexcept;
// The tier that a reply names: what was served decides the price (metering.md 1.3, trap 15). A name that is not known
// counts as priority, the dearest there is.
ServiceTier service_tier_from(std::string_view name) noexcept;

}  // namespace meter
