#include "events/usage_record.h"

#include <algorithm>

namespace events {

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::served: return "served";
    case Outcome::refused: return "refused";
    case Outcome::failed: return "failed";
    case Outcome::unaccounted: return "unaccounted";
    case Outcome::corrected: return "corrected";
    case Outcome::opened: return "opened";
    case Outcome::deferred: return "deferred";
  }
  return "failed";
}

void UsageRecord::reset() {
  for (std::string* const text : {&route, &upstream, &model, &served_model, &price_version, &tags}) text->clear();
  id = {};
  started = {};
  duration_us = first_byte_us = 0;
  account = {};
  key = {};
  stream = false;
  outcome = Outcome::served;
  status = 0;
  error.reset();
  fault.reset();
  usage.reset();
  estimate = cost = base::Money::zero();
  holds.clear();
  attempts.clear();
  refused_by.reset();
}

std::vector<const UsageRecord*> pointers_to(std::span<const UsageRecord> records) {
  std::vector<const UsageRecord*> pointers(records.size());
  std::ranges::transform(records, pointers.begin(), [](const UsageRecord& record) { return &record; });
  return pointers;
}

}  // namespace events
