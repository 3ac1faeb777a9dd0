#include "meter/image_size.h"

#include <algorithm>
#include <charconv>

namespace meter {

std::optional<ImageSize> parse_image_size(std::string_view text) noexcept {
  constexpr std::int64_t longest_side = 99'999;
  const auto cross = text.find('x');
  if (cross == std::string_view::npos) return std::nullopt;
  std::string_view width = text.substr(0, cross);
  std::string_view height = text.substr(cross + 1);
  if (width.ends_with('-') && height.starts_with('-')) {
    width.remove_suffix(1);
    height.remove_prefix(1);
  }
  const auto read = [](std::string_view digits, std::int64_t& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc() && end == digits.data() + digits.size() && out >= 1 && out <= longest_side;
  };
  ImageSize size;
  return read(width, size.width) && read(height, size.height) ? std::optional(size) : std::nullopt;
}

ImageSize size_in_name(std::string_view model) noexcept {
  for (std::size_t at = 0; at < model.size();) {
    const auto slash = std::min(model.find('/', at), model.size());
    if (const auto size = parse_image_size(model.substr(at, slash - at))) return *size;
    at = slash + 1;
  }
  return {};
}

}  // namespace meter
