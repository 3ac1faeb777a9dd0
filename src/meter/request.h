#pragma once
// What of a request decides its cost, in whatever dialect it is written.

#include <cstdint>
#include <optional>
#include <string>

#include "meter/bill.h"

namespace meter {

enum class Billing : std::uint8_t {
  metered,
  zero_price_counts,  // a price of zero in the table is the provider's own: OpenAI's moderations
  free,               // the provider's documents say so: counting tokens
};

// What a request may have written to the provider's prompt cache.
enum class CacheWrites : std::uint8_t {
  none,
  minutes,
  hour,
  by_provider
};  // the last: whatever the model's row prices

struct Request {
  std::string model;
  bool stream = false;
  bool include_usage = false;              // the client asked for usage in an OpenAI-like stream
  std::optional<std::int64_t> output_cap;  // tokens, if the request has one; per choice; 0 where no text comes back
  // Where the cap stands, or would stand if there is none: member names joined by '.'. Empty: no cap, and the dialect
  // has more than one place for it (chat: max_tokens or max_completion_tokens, as the upstream wants), or none.
  std::string output_cap_path;
  std::int64_t choices = 1;  // answers asked for, 1 or more
  // Tokens: an upper bound of what the provider can count as input, where context_passes is 0; else most_input() says.
  std::int64_t input_bound = 0;
  bool audio = false;                        // audio in or asked for: audio prices may apply
  bool image_input = false;                  // images in: image prices may apply
  ServiceTier tier = ServiceTier::standard;  // the dearest tier that the request allows (known_service_tier)
  std::string user;                          // the client's own name for its end user, or empty
  bool background = false;                   // it is answered before it is done: its usage comes in another reply

  Billing billing = Billing::metered;
  CacheWrites cache_writes = CacheWrites::by_provider;
  // How often the model may read its whole context; 0: once, and what it reads is input_bound. A provider's tool gives
  // the model what it found, and then it reads everything again.
  std::int64_t context_passes = 0;
  // What is billed beside tokens, at most. 0: none.
  std::int64_t web_searches = 0;
  std::int64_t images = 0;  // that are made
  std::int64_t characters = 0;
  std::int64_t audio_seconds = 0;
  std::int64_t search_units = 0;
  // How it is to be served, where the dialect says so (Service).
  Delivery delivery = Delivery::at_once;  // a line of a batch's file says nothing of it: who reads the file does
  std::string speed;
  std::string inference_geo;
  std::string quality;
  std::int64_t width = 0;
  std::int64_t height = 0;
};

}  // namespace meter
