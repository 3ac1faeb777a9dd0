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

}  // namespace quota
