#pragma once
// Port: where the secrets of upstreams are kept that the configuration does not set. One conformance suite
// (tests/conformance) holds for every implementation.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace catalog {

class SecretStore {
 public:
  virtual ~SecretStore() = default;
  // The names of the upstreams that it holds a secret of, in order. No secret is read for it.
  virtual base::Result<std::vector<std::string>> secret_names() = 0;
  // nullopt: it holds none. Fails (unavailable) if it holds one that cannot be read.
  virtual base::Result<std::optional<base::Secret>> find_secret(std::string_view upstream) = 0;
  // Inserts, or replaces. Durable against power loss when it returns.
  virtual base::Status put_secret(std::string_view upstream, const base::Secret& secret) = 0;
  // not_found: it holds none.
  virtual base::Status remove_secret(std::string_view upstream) = 0;
};

}  // namespace catalog
