#pragma once

#include <optional>
#include <string_view>

#include "meter/image_size.h"

namespace meter {

// The size that an image's own head says: PNG, JPEG, GIF and WebP. nullopt: another format, damaged, or its head is
// further in than is looked.
std::optional<ImageSize> size_in_head(std::string_view bytes) noexcept;
// The same of base64, of which only the beginning is decoded.
std::optional<ImageSize> size_in_base64(std::string_view text);
// Of "data:image/png;base64,…"; nullopt for any other URL.
std::optional<ImageSize> size_in_data_url(std::string_view url);

}  // namespace meter
