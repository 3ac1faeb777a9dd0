#pragma once
// The admin API on a data folder that no server has open, for the command line.

#include <memory>
#include <string>
#include <vector>

#include "admin/api.h"
#include "app/config.h"
#include "quota/store.h"

namespace app {

// The five numbers as the store has them. Nothing is reserved while no server runs: what a server that was killed has
// left in leases shows as unresolved, which is what the next start makes of it.
class StoreInspector final : public quota::Inspector {
 public:
  StoreInspector(quota::Store& store, const base::Clock& clock) : store_(store), clock_(clock) {}
  base::Result<std::vector<quota::FiveNumbers>> numbers(const std::vector<catalog::Limit>& limits) override;

 private:
  quota::Store& store_;
  const base::Clock& clock_;
};

// An open data folder with its API. The folder is locked until it ends.
class Offline {
 public:
  virtual ~Offline() = default;
  // As from a local caller: no key is needed, the folder's permissions are the key.
  virtual admin::Response handle(admin::Request request) = 0;
};

// Opens config.data; makes the folder if it does not exist. unavailable if a server, or another command, has it. Of the
// rest of the configuration it takes what is not in the folder: upstreams, routes, the time-out of what is unresolved.
base::Result<std::unique_ptr<Offline>> open_offline(const Config& config);

// Where a running server takes the command line's requests. Its file permissions are the key.
std::string control_socket(const std::string& data_folder);

}  // namespace app
