#include "events/usage_record.h"

#include <algorithm>
#include <iterator>

namespace events {

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::served: return "served";
    case Outcome::refused: return "refused";
    case Outcome::failed: return "failed";
    case Outcome::unaccounted: return "unaccounted";
    case Outcome::corrected: return "corrected";
    case Outcome::opened: return "opened";
  }
  return "failed";
}

void UsageRecord::reset() {
  std::string* const strings[] = {&route, &upstream, &model, &served_model, &price_version, &tags};
  std::string kept[std::size(strings)];
  for (std::size_t i = 0; i < std::size(strings); ++i) kept[i].swap(*strings[i]);
  *this = UsageRecord{};
  for (std::size_t i = 0; i < std::size(strings); ++i) {
    kept[i].clear();
    kept[i].swap(*strings[i]);
  }
}

std::vector<const UsageRecord*> pointers_to(std::span<const UsageRecord> records) {
  std::vector<const UsageRecord*> pointers(records.size());
  std::ranges::transform(records, pointers.begin(), [](const UsageRecord& record) { return &record; });
  return pointers;
}

}  // namespace events
