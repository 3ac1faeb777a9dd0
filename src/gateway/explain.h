#pragma once

#include <functional>
#include <string>

#include "gateway/settings.h"
#include "meter/request_reader.h"
#include "quota/explanation.h"
#include "quota/keeper.h"

namespace gateway {

// Says what would become of a call, by the functions that decide over calls (estimate.h, quota/counting.h), and has a
// quote held for it. It asks for nothing that a worker has, so it may be called from any thread but the store's; what
// it finds may be over before it is read.
class Explainer final : public quota::Explainer {
 public:
  struct Parts {
    const Settings& settings;
    quota::Inspector& inspector;
    const base::Clock& clock;
    std::function<std::string()> trouble = {};  // what keeps every call from being admitted; empty text: nothing
    base::Random& random = base::system_random();
    std::function<quota::Decision(quota::Waiter)> decide = {};  // the keeper; empty: there is none
  };
  explicit Explainer(Parts parts) : parts_(std::move(parts)) {}

  base::Result<quota::Explanation> explain(const catalog::KeyEntry& key, const quota::ImaginedCall& call) override;
  base::Result<quota::HeldCall> hold(const catalog::KeyEntry& key, const quota::ImaginedCall& call,
                                     std::int64_t ttl_ms) override;

 private:
  base::Result<quota::Explanation> explain_by(const catalog::KeyEntry& key, const quota::ImaginedCall& call,
                                              meter::InputBound bound);
  base::Result<const catalog::Route*> find_route(const std::string& name) const;

  const Parts parts_;
};

}  // namespace gateway
