#pragma once
// One recorded exchange with a provider, from a file: what went out and what came back. `metergate meter` and the
// golden tests read the same.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "meter/dialect.h"
#include "meter/reply.h"

namespace meter {

struct RecordedExchange {
  std::string method;
  std::string host;
  std::string path;          // with its query
  std::string request_body;  // empty: not kept, or binary
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // of the response
  std::string body;

  Endpoint endpoint() const { return endpoint_of(method, host, path); }
  // Asked for: in the body, or in the path; empty if neither names one.
  std::string request_model() const;
};

// Reads a JSON object {"request": {"method", "url", "body"}, "response": {"status", "headers", "body", "body_base64":
// whether the body is written so}}; other members are passed over. The error names the field.
base::Result<RecordedExchange> read_recorded_exchange(std::string_view json);

// What the reply says, read in pieces of `step` bytes; 0: in one.
Reply read_reply(const RecordedExchange& exchange, std::size_t step = 0);

}  // namespace meter
