#include "quota/deferred.h"

#include <fmt/format.h>

namespace quota {

std::string_view to_string(DeferredKind kind) noexcept {
  switch (kind) {
    case DeferredKind::response: return "response";
    case DeferredKind::file: return "file";
    case DeferredKind::batch: return "batch";
    case DeferredKind::output: return "output";
    case DeferredKind::errors: return "errors";
    case DeferredKind::deleted: return "deleted";
  }
  return "response";
}

base::Status check_same_work(const Deferred& known, const Deferred& wanted) {
  if (known.exchange == wanted.exchange && known.account == wanted.account) return {};
  return base::fail(
      base::ErrorType::conflict,
      fmt::format("'{}' has named two works '{}': that of {} is known already, so {} stays unresolved", wanted.upstream,
                  wanted.object, known.exchange.to_string(), wanted.exchange.to_string()),
      "id", base::Source::upstream_refusal);
}

std::unexpected<base::Error> nothing_to_list_after(const DeferredListing& listing) {
  return base::fail(base::ErrorType::not_found,
                    fmt::format("'{}' is nothing that this account began here and that is remembered: begin the list "
                                "anew, without 'after'",
                                listing.after.value_or("").substr(0, 100)),
                    "after", base::Source::client);
}

}  // namespace quota
