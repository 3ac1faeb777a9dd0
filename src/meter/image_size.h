#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace meter {

struct ImageSize {
  std::int64_t width = 0;  // in pixels
  std::int64_t height = 0;

  bool operator==(const ImageSize&) const = default;
};

// "1024x1024" or "1024-x-1024"; each side is from 1 to 99,999. nullopt if it is neither.
std::optional<ImageSize> parse_image_size(std::string_view text) noexcept;
// The size that a row of the price table has in its name ("256-x-256/dall-e-2"); zeros if it has none.
ImageSize size_in_name(std::string_view model) noexcept;

}  // namespace meter
