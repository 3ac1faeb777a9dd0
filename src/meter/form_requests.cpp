#include "meter/form_requests.h"

namespace meter {

ReadForm form_reader_of(const Endpoint& endpoint) noexcept {
  if (endpoint.dialect == Dialect::audio) return read_transcription;
  if (endpoint.name == "images.edits") return read_image_edit;
  if (endpoint.name == "images.variations") return read_image_variation;
  return nullptr;
}

}  // namespace meter
