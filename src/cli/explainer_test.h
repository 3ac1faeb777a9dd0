#pragma once
// For the tests of this room: the answer to explain, made up.

#include "admin/api.h"

namespace cli {

// Says of every call that one limit clamps it and another has nothing to do with it.
class ScriptedExplainer final : public quota::Explainer {
 public:
  base::Result<quota::Explanation> explain(const catalog::KeyEntry& key, const quota::ImaginedCall& call) override {
    asked = call;
    quota::Explanation out{.verdict = quota::CallVerdict::clamped, .route = "openai", .model = call.model};
    out.output_cap = 1000;
    out.worst_case = quota::Amounts{base::Money::from_nanos(2'000'000), 100, 1000, 1};
    out.clamped_to = 500;
    out.clamped_worst_case = quota::Amounts{base::Money::from_nanos(1'000'000), 100, 500, 1};
    for (const catalog::Limit* limit : key.limits) {
      quota::ExplainedLimit one{.limit = *limit, .numbers = {.amount = limit->amount, .window = {}}};
      one.numbers.spent = limit->amount / 2;
      one.numbers.reserved = limit->amount / 4;
      one.numbers.available = limit->amount / 4;
      one.required = out.worst_case->in(limit->unit);
      one.verdict = quota::LimitVerdict::does_not_apply;
      if (limit->unit == catalog::LimitUnit::usd) {
        one.verdict = quota::LimitVerdict::clamps;
        one.output_cap = 500;
        out.decided_by = limit->id;
      }
      out.limits.push_back(one);
    }
    return out;
  }
  base::Result<quota::HeldCall> hold(const catalog::KeyEntry& key, const quota::ImaginedCall& call,
                                     std::int64_t ttl_ms) override {
    held_for_ms = ttl_ms;
    TRY(auto explanation, explain(key, call));
    const base::WallTime expires{1'795'219'200'000 + ttl_ms};
    return quota::HeldCall{std::move(explanation),
                           quota::Quote{.id = {}, .key = key.key->id, .created = {}, .expires = expires}};
  }
  quota::ImaginedCall asked;
  std::int64_t held_for_ms = 0;
};

}  // namespace cli
