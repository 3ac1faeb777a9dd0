#include "quota/quote.h"

namespace quota {

std::string_view to_string(QuoteState state) noexcept {
  switch (state) {
    case QuoteState::held: return "held";
    case QuoteState::redeemed: return "redeemed";
    case QuoteState::expired: return "expired";
  }
  return "expired";
}

}  // namespace quota
