#include <fmt/format.h>

#include "ledger/order.h"

namespace ledger {

std::string_view to_string(PostStatus status) noexcept {
  switch (status) {
    case PostStatus::posted: return "posted";
    case PostStatus::exists: return "exists";
    case PostStatus::exists_with_different_kind: return "exists_with_different_kind";
    case PostStatus::exists_with_different_account: return "exists_with_different_account";
    case PostStatus::exists_with_different_subject: return "exists_with_different_subject";
    case PostStatus::exists_with_different_amount: return "exists_with_different_amount";
    case PostStatus::exists_with_different_terms: return "exists_with_different_terms";
    case PostStatus::exists_with_different_note: return "exists_with_different_note";
    case PostStatus::amount_not_positive: return "amount_not_positive";
    case PostStatus::amount_exceeds_books: return "amount_exceeds_books";
    case PostStatus::priority_out_of_range: return "priority_out_of_range";
    case PostStatus::expires_before_effective: return "expires_before_effective";
    case PostStatus::expires_in_the_past: return "expires_in_the_past";
    case PostStatus::fee_takes_all: return "fee_takes_all";
    case PostStatus::unknown_grant: return "unknown_grant";
    case PostStatus::grant_already_void: return "grant_already_void";
    case PostStatus::grant_already_expired: return "grant_already_expired";
    case PostStatus::grant_not_paid: return "grant_not_paid";
    case PostStatus::exceeds_payment: return "exceeds_payment";
    case PostStatus::unknown_charge: return "unknown_charge";
    case PostStatus::exceeds_charge: return "exceeds_charge";
    case PostStatus::exceeds_balance: return "exceeds_balance";
  }
  return "unknown_grant";
}

bool is_conflict(PostStatus status) noexcept {
  return status >= PostStatus::exists_with_different_kind && status <= PostStatus::exists_with_different_note;
}

}  // namespace ledger
