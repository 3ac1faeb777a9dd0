#pragma once
// What of a request the model reads: collected while a request is read, and counted for a close estimate.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "meter/image_size.h"
#include "meter/json_document.h"

namespace meter {

struct ImageInput {
  std::optional<ImageSize> size;  // where the body holds the image and its head was understood
  bool low_detail = false;
};

// Views into the document that is read; valid as long as it is.
struct InputText {
  bool only_marks = false;  // the bytes are the bound: of a text nothing is wanted but its cache_marks
  std::vector<std::string_view> texts;
  std::vector<simdjson::dom::element> tools;    // one each
  std::vector<simdjson::dom::element> schemas;  // of the answer
  std::vector<ImageInput> images;
  std::vector<simdjson::dom::element> cache_marks;  // cache_control and cachePoint, wherever they stand
  std::int64_t messages = 0;
  std::int64_t calls = 0;           // of tools, and their results: each has a frame
  std::int64_t scalars = 0;         // numbers, truth values and punctuation inside of what is text otherwise
  std::int64_t copies = 1;          // how often all of it is read: once for each answer of some
  bool thinking = false;            // the model is told to think
  bool counts_only_texts = false;   // embeddings and the like: no frame of messages
  std::int64_t more_tokens = 0;     // beside all of these: built-in tools, audio
  bool unbounded_by_count = false;  // something here has no text that could be counted: the bytes are the bound
};

// Puts every text in `value` into `input`, at any depth, but for names of kinds and ids (input_text.cpp has the list)
// and for the data of images.
void collect_text(simdjson::dom::element value, InputText& input);
// The same of a member that nobody here knows: the model may be shown all of it, names too. Numbers and truth values
// are settings, and no text.
void collect_unknown(simdjson::dom::element value, InputText& input);

}  // namespace meter
