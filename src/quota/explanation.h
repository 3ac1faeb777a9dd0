#pragma once
// What the admission of a call would say now, without one, and what is held for it: for `explain` and `quote`.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/snapshot.h"
#include "quota/decision.h"
#include "quota/numbers.h"
#include "quota/quote.h"

namespace quota {

// A call that nobody made. Either `body`, or `model` and the rest.
struct ImaginedCall {
  std::string route = {};                         // empty: the one that serves, if there is only one
  std::string path = {};                          // behind the route's prefix; empty: of the provider's chat
  std::optional<std::string> body = {};           // of a POST to that, byte for byte
  std::string model = {};                         // with a body: in place of the body's
  std::optional<std::int64_t> max_tokens = {};    // likewise. Output tokens of one choice, >= 1; none: the model's most
  std::optional<std::int64_t> input_tokens = {};  // the bound of the input, >= 0; not with a body. None: an empty
                                                  // conversation's
  std::string tags = {};  // that it sends, as catalog::parse_tags() gives them; the key's own come to them
};

enum class CallVerdict : std::uint8_t { admitted, clamped, refused };

enum class LimitVerdict : std::uint8_t {
  does_not_apply,  // its filter does not fit the call
  counts,          // in shadow: it refuses nothing
  admits,
  clamps,   // it can pay for a shorter answer
  reached,  // it refuses; of a balance: it has too little
  busy,     // only others' reservations stand in the way
};

struct ExplainedLimit {
  catalog::Limit limit;
  FiveNumbers numbers;
  LimitVerdict verdict = LimitVerdict::admits;
  std::int64_t required = 0;  // what the call may take at most, as it was asked for; in the limit's unit. A limit that
                              // is not leased holds nothing of it
  std::optional<std::int64_t> output_cap = std::nullopt;  // of `clamps`: what this limit alone can pay for, a choice
};

struct Explanation {
  CallVerdict verdict = CallVerdict::refused;
  // Of a refusal, as the client would be told.
  std::optional<base::Error> error = std::nullopt;
  int status = 200;
  std::optional<base::WallTime> resets_at = std::nullopt;  // of limit_reached: when the same call may go
  std::optional<base::LimitId> decided_by = std::nullopt;  // the limit that refuses or that clamps most

  std::string route = {};
  std::string upstream = {};
  std::string model = {};
  std::string price_version = {};  // empty: it has no price
  std::int64_t input_tokens = 0;   // the bound
  std::int64_t choices = 1;
  std::int64_t output_cap = 0;  // a choice; as it was asked for
  std::optional<Amounts> worst_case = std::nullopt;
  std::optional<std::int64_t> clamped_to = std::nullopt;     // a choice
  std::optional<Amounts> clamped_worst_case = std::nullopt;  // what the call is then held for
  std::vector<ExplainedLimit> limits = {};                   // of the key, nearest first
  // Of a prepaid account: its usable grants all together, as a limit with the account's name. What it requires is the
  // charge, with the markup.
  std::optional<ExplainedLimit> balance = std::nullopt;
};

// A call that nobody made yet, and what is held for it.
struct HeldCall {
  Explanation explanation;
  std::optional<Quote> quote = std::nullopt;  // nullopt: the call would be refused, so nothing is held
};

// Port: answers for the data plane, with the code that decides there. May wait for the store.
class Explainer {
 public:
  virtual ~Explainer() = default;
  // invalid_request and not_found are about the question (`route`, `model`, `input_tokens`); what the call itself would
  // be refused for is a verdict.
  virtual base::Result<Explanation> explain(const catalog::KeyEntry& key, const ImaginedCall& call) = 0;
  // Holds what the call would be reserved, as it would be sent (clamped, if it would be), for `ttl_ms`; within
  // quote_seconds_min and _max. unavailable: there is no gateway that runs.
  virtual base::Result<HeldCall> hold(const catalog::KeyEntry& key, const ImaginedCall& call, std::int64_t ttl_ms) = 0;
};

}  // namespace quota
