#include "events/usage_record.h"

namespace events {

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::served: return "served";
    case Outcome::refused: return "refused";
    case Outcome::failed: return "failed";
    case Outcome::unaccounted: return "unaccounted";
  }
  return "failed";
}

}  // namespace events
