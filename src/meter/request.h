#pragma once
// What of a request decides its cost, in whatever dialect it is written.

#include <cstdint>
#include <optional>
#include <string>

#include "meter/price_book.h"

namespace meter {

struct Request {
  std::string model;
  bool stream = false;
  bool include_usage = false;                // the client asked for usage in an OpenAI-like stream
  std::optional<std::int64_t> output_cap;    // tokens, if the request has one; per choice
  std::string output_cap_path;               // where it stands: member names joined by '.'; empty if nowhere
  std::int64_t choices = 1;                  // answers asked for, 1 to 128
  std::int64_t input_bound = 0;              // tokens: an upper bound of what the provider can count as input
  bool audio = false;                        // audio in or asked for: audio prices may apply
  ServiceTier tier = ServiceTier::standard;  // the dearest tier that the request allows (known_service_tier)
  std::string user;                          // the client's own name for its end user, or empty
};

}  // namespace meter
