#pragma once
// A call that nobody made, as a request describes it, and what is said of it: for explain and quote.

#include <boost/json/object.hpp>

#include "admin/handlers.h"
#include "quota/explanation.h"

namespace admin {

struct ImaginedCall {
  std::optional<catalog::KeyEntry> key = std::nullopt;  // lives as long as the snapshot
  quota::ImaginedCall call;
  std::optional<std::int64_t> hold_ms = std::nullopt;  // what it may cost is to be held for so long
};
enum class MayHold : std::uint8_t { no, yes };
// Reads `key`, `route`, `model`, `max_tokens`, `tags`, and one of `body`, `messages` and `input_tokens`; where a call
// may be held, `hold` and `ttl_seconds`; no other field.
base::Result<ImaginedCall> read_imagined_call(const Call& call, const catalog::Snapshot& snapshot,
                                              MayHold may_hold = MayHold::no);

// Of an explanation, all but its limits.
boost::json::object call_json(const quota::Explanation& found, const catalog::Key& key);
// Null if there are none.
boost::json::value amounts_json(const std::optional<quota::Amounts>& amounts);

}  // namespace admin
