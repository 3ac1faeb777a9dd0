#pragma once

#include <functional>
#include <string>

#include "gateway/settings.h"
#include "quota/explanation.h"

namespace gateway {

// Says what would become of a call, by the functions that decide over calls (estimate.h, quota/counting.h). It asks for
// nothing that a worker has, so it may be called from any thread; what it finds may be over before it is read.
class Explainer final : public quota::Explainer {
 public:
  struct Parts {
    const Settings& settings;
    quota::Inspector& inspector;
    const base::Clock& clock;
    std::function<std::string()> trouble = {};  // what keeps every call from being admitted; empty text: nothing
  };
  explicit Explainer(Parts parts) : parts_(std::move(parts)) {}

  base::Result<quota::Explanation> explain(const catalog::KeyEntry& key, const quota::ImaginedCall& call) override;

 private:
  base::Result<const catalog::Route*> find_route(const std::string& name) const;

  const Parts parts_;
};

}  // namespace gateway
