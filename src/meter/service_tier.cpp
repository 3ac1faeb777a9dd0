#include "meter/service_tier.h"

namespace meter {

std::optional<ServiceTier> known_service_tier(std::string_view name) noexcept {
  // on_demand is Groq's word, provisioned OpenRouter's; fast is Anthropic's for what others call priority.
  for (const std::string_view word : {"auto", "default", "standard", "scale", "on_demand", "provisioned"})
    if (name == word) return ServiceTier::standard;
  if (name == "flex") return ServiceTier::flex;
  if (name == "priority" || name == "fast") return ServiceTier::priority;
  return std::nullopt;
}

ServiceTier service_tier_from(std::string_view name) noexcept {
  return known_service_tier(name).value_or(ServiceTier::priority);
}

}  // namespace meter
