#pragma once
// What a bill is asked for in JSON: a usage and how the call was served.

#include "base/json.h"
#include "meter/bill.h"

namespace meter {

// An object of counts by the names of Usage, and audio_seconds, video_seconds (decimals), video_input_tokens,
// video_output_tokens, annotated_pages, ocr_credits, queries; provider_cost_usd is what the provider states. Counts are
// inclusive: input_tokens holds what was cached, written, audio and image. Other words of providers for the same counts
// are known too: web_search_requests for web_search_calls. What is not known is refused, and so is the same count
// twice.
base::Result<Quantities> read_quantities(const base::Json& usage);

// An object with service_tier, batch, inference_geo, speed, region, search_context_size, size, quality, resolution and
// max_results, all optional. A tier that nobody has priced is refused.
base::Result<Service> read_service(const base::Json& options);

}  // namespace meter
