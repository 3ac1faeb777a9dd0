#pragma once
// A call that nobody made, as a request describes it, and what is said of it: for explain and quote.

#include <boost/json/object.hpp>

#include "admin/api.h"
#include "quota/explanation.h"

namespace admin {

struct ImaginedCall {
  const catalog::KeyEntry* key = nullptr;  // lives as long as the snapshot
  quota::ImaginedCall call;
};
// Reads `key`, `route`, `model`, `max_tokens`, `tags`, and one of `body`, `messages` and `input_tokens`; no other
// field.
base::Result<ImaginedCall> read_imagined_call(const Request& request, const catalog::Snapshot& snapshot);

// Of an explanation, all but its limits.
boost::json::object call_json(const quota::Explanation& found, const catalog::Key& key);
// Null if there are none.
boost::json::value amounts_json(const std::optional<quota::Amounts>& amounts);

}  // namespace admin
