// Images that are sent to be changed (API reference, "Create image edit", "Create image variation"): multipart forms.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "meter/form_data.h"
#include "meter/form_requests.h"
#include "meter/image_size.h"
#include "meter/made_images.h"
#include "meter/request_reading.h"

namespace meter {
namespace {

using base::invalid;
using base::Result;
using base::Status;

// What a form says, as text; nullopt: it does not say it.
struct ImageForm {
  std::int64_t images = 0;  // that are sent, a mask too
  std::int64_t text_bytes = 0;
  std::optional<std::string_view> model;
  std::optional<std::string_view> prompt;
  std::optional<std::string_view> n;
  std::optional<std::string_view> size;
  std::optional<std::string_view> quality;
  std::optional<std::string_view> partial_images;
  std::optional<std::string_view> stream;
};

struct FormField {
  std::string_view name;
  std::optional<std::string_view> ImageForm::* into = nullptr;  // nullptr: it decides nothing about the cost
};
constexpr std::array edit_fields{
    FormField{"model", &ImageForm::model},
    FormField{"prompt", &ImageForm::prompt},
    FormField{"n", &ImageForm::n},
    FormField{"size", &ImageForm::size},
    FormField{"quality", &ImageForm::quality},
    FormField{"partial_images", &ImageForm::partial_images},
    FormField{"stream", &ImageForm::stream},
    FormField{"background"},
    FormField{"input_fidelity"},
    FormField{"moderation"},
    FormField{"output_compression"},
    FormField{"output_format"},
    FormField{"response_format"},
    FormField{"user"},
};
constexpr std::array variation_fields{
    FormField{"model", &ImageForm::model},
    FormField{"n", &ImageForm::n},
    FormField{"size", &ImageForm::size},
    FormField{"response_format"},
    FormField{"user"},
};

// Nothing is passed over: a part that nobody here knows may be one more image.
Result<ImageForm> read_parts(std::string_view body, std::span<const FormField> fields) {
  TRY(const std::vector<FormPart> parts, read_form(body));
  ImageForm form;
  SeenKeys seen;
  for (const FormPart& part : parts) {
    if (part.name == "image" || part.name == "image[]" || part.name == "mask") {
      ++form.images;
      continue;
    }
    const auto field = std::ranges::find(fields, part.name, &FormField::name);
    if (field == fields.end())
      return invalid(
          fmt::format("the form's part '{}' is not known here, and may cost something", part.name.substr(0, 64)),
          std::string(part.name.substr(0, 64)));
    TRY_STATUS(seen.add(part.name, ""));
    form.text_bytes += std::ssize(part.content);
    if (field->into != nullptr) form.*field->into = part.content;
  }
  if (form.images == 0) return invalid("'image' is missing", "image");
  return form;
}

Result<std::int64_t> read_number(std::string_view name, std::optional<std::string_view> text, std::int64_t least,
                                 std::int64_t most) {
  if (!text) return least;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size() || number < least || number > most)
    return wrong_type(name, fmt::format("a whole number from {} to {}", least, most));
  return number;
}

Status read_size(const ImageForm& form, Request& out) {
  if (!form.size || *form.size == "auto") return {};
  const auto size = parse_image_size(*form.size);
  if (!size) return wrong_type("size", "auto or a size as 1024x1024 is");
  out.width = size->width;
  out.height = size->height;
  return {};
}

// OpenAI's guide to image generation says what these read of an image: 65 tokens, 129 for each tile of 512 pixels when
// its shorter side has as many, and 6,144 at the most for high fidelity. That is well below the dearest image there is.
// What gpt-image-1.5 and later ones read is not said. dall-e-2 bills by the image that it makes.
bool reads_tokens(std::string_view model) { return model == "gpt-image-1" || model == "gpt-image-1-mini"; }

Status read_image_form(const ImageForm& form, RequestReading& reading) {
  Request& out = reading.out;
  out.model = reading.path_model.empty() ? form.model.value_or("") : reading.path_model;
  if (out.model.empty()) return invalid("'model' is missing", "model");
  if (!reads_tokens(out.model) && out.model != "dall-e-2")
    return invalid(
        fmt::format("'model' must be gpt-image-1, gpt-image-1-mini or dall-e-2: what '{}' bills for an image "
                    "that it is sent cannot be bounded",
                    out.model.substr(0, 64)),
        "model");
  TRY(out.images, read_number("n", form.n, 1, most_images));
  TRY_STATUS(read_size(form, out));
  if (form.quality) TRY_STATUS(take_quality(*form.quality, out));
  TRY(const std::int64_t partial, read_number("partial_images", form.partial_images, 0, most_partial_images));
  out.output_cap = most_image_tokens + partial * partial_image_tokens;
  TRY_STATUS(settle_image_rows(out.model, out));
  out.image_input = true;
  out.input_bound = form.text_bytes + input_margin_tokens + form.images * image_bound_tokens;
  out.stream = form.stream == "true" || form.stream == "True" || form.stream == "1";
  reading.input.unbounded_by_count = true;
  return {};
}

}  // namespace

Status read_image_edit(std::string_view body, RequestReading& reading) {
  TRY(const ImageForm form, read_parts(body, edit_fields));
  if (!form.prompt) return invalid("'prompt' is missing", "prompt");
  return read_image_form(form, reading);
}

Status read_image_variation(std::string_view body, RequestReading& reading) {
  TRY(const ImageForm form, read_parts(body, variation_fields));
  TRY_STATUS(read_image_form(form, reading));
  if (reading.out.model == "dall-e-2") return {};
  return invalid("'model' must be dall-e-2: no other makes variations", "model");
}

}  // namespace meter
