#pragma once
// What images that a model makes cost at most, however they are asked for (requests_media.cpp, requests_images.cpp).

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "meter/request.h"

namespace meter {

// Tokens of one image of gpt-image-1 at its highest quality, and of each image on the way (OpenAI's guide to image
// generation: 1024x1536 at "high" is 6,240, a partial image 100).
inline constexpr std::int64_t most_image_tokens = 6240;
inline constexpr std::int64_t partial_image_tokens = 100;
inline constexpr std::int64_t most_partial_images = 3;
inline constexpr std::int64_t most_images = 10;

base::Status take_quality(std::string_view quality, Request& out);
// Which row of the price book counts, once images, size and quality are read. A model that bills by the image has a row
// for the size and the quality; one that bills by the token makes an image of one of three sizes.
base::Status settle_image_rows(std::string_view model, Request& out);

}  // namespace meter
