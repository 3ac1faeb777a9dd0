#include "telemetry/span.h"

#include <algorithm>

namespace telemetry {

const AttributeValue* Span::find(std::string_view key) const {
  const auto at = std::ranges::find(attributes, key, &Attribute::key);
  return at == attributes.end() ? nullptr : &at->value;
}

}  // namespace telemetry
