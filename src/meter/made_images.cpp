#include "meter/made_images.h"

#include <algorithm>
#include <array>

namespace meter {

using base::invalid;
using base::Status;

Status take_quality(std::string_view quality, Request& out) {
  constexpr std::array known{std::string_view("auto"), std::string_view("low"),      std::string_view("medium"),
                             std::string_view("high"), std::string_view("standard"), std::string_view("hd")};
  if (std::ranges::find(known, quality) == known.end())
    return invalid("'quality' must be auto, low, medium, high, standard or hd: nothing else has a price here",
                   "quality");
  if (quality != "auto") out.quality = quality;
  return {};
}

Status settle_image_rows(std::string_view model, Request& out) {
  const bool known_size = out.width == 0 || (out.width == 1024 && (out.height == 1024 || out.height == 1536)) ||
                          (out.width == 1536 && out.height == 1024);
  if (!known_size && model.starts_with("gpt-image"))
    return invalid("'size' must be 1024x1024, 1024x1536, 1536x1024 or auto: what others cost cannot be bounded",
                   "size");
  out.choices = out.images;
  // dall-e's rows are by size and quality, of which these are its defaults; gpt-image is billed by the token.
  if (model.starts_with("dall-e") && out.width == 0) out.width = out.height = 1024;
  if (model == "dall-e-3" && out.quality.empty()) out.quality = "standard";
  if (model.starts_with("gpt-image")) {
    out.width = out.height = 0;
    out.quality.clear();
  }
  return {};
}

}  // namespace meter
