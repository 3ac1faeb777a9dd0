#include "meter/made_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace meter {
namespace {

// The guide's table is of these. A later one takes more for what this table has too (gpt-image-2 some 7,000 tokens for
// 1024x1024 at "high"), and is free to choose a larger size.
bool is_in_guide(std::string_view model) {
  model.remove_prefix(model.rfind('/') + 1);  // aggregators name the vendor first
  return model == "gpt-image-1" || model == "gpt-image-1-mini" || model.starts_with("gpt-image-1.5");
}
bool is_by_token(std::string_view model) {
  model.remove_prefix(model.rfind('/') + 1);
  return model.starts_with("gpt-image") || model.starts_with("chatgpt-image");
}

}  // namespace

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
  if (is_by_token(model) && !is_in_guide(model))
    return invalid(
        fmt::format("'model' is '{}': what an image of it costs at most is not said anywhere, so it cannot be "
                    "bounded; gpt-image-1, gpt-image-1-mini and gpt-image-1.5 can",
                    model.substr(0, 64)),
        "model");
  const bool known_size = out.width == 0 || (out.width == 1024 && (out.height == 1024 || out.height == 1536)) ||
                          (out.width == 1536 && out.height == 1024);
  if (!known_size && is_by_token(model))
    return invalid("'size' must be 1024x1024, 1024x1536, 1536x1024 or auto: what others cost cannot be bounded",
                   "size");
  out.choices = out.images;
  // dall-e's rows are by size and quality, of which these are its defaults; gpt-image is billed by the token.
  if (model.starts_with("dall-e") && out.width == 0) out.width = out.height = 1024;
  if (model == "dall-e-3" && out.quality.empty()) out.quality = "standard";
  if (is_by_token(model)) {
    out.width = out.height = 0;
    out.quality.clear();
  }
  return {};
}

}  // namespace meter
