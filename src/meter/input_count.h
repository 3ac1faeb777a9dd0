#pragma once

#include <cstdint>
#include <string_view>

#include "meter/dialect.h"
#include "meter/input_text.h"

namespace meter {

// How many tokens the provider counts as input at most, by the tokens of the text: exact for OpenAI's models whose
// tokenizer is public, with the frame that it publishes for messages (OpenAI's cookbook, "How to count tokens";
// measured, metering.md 3.3); with a margin for tools and schemas, whose rendering is not published; images by the
// published rules (metering.md 3.4). For models of other makers, the tokens in o200k_base times the largest factor that
// was measured for the family, and a margin on it. INT64_MAX: nothing is known of the model, or the text is so
// long (over 512 KiB) that counting would keep a worker from its other calls; the bytes are the bound.
std::int64_t count_input(const InputText& input, std::string_view model, Dialect dialect);

}  // namespace meter
