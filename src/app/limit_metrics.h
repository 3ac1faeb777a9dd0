#pragma once
// What /metrics says of single limits. It is bounded: a series for each limit there is would be more than Prometheus
// can hold, so those that are nearest to their ends are told, and how many were left out.

#include <memory>
#include <string>

#include "catalog/snapshot.h"
#include "quota/keeper.h"

namespace app {

// The gauges of the limits in use, in the Prometheus text format. `catalog`: whose limits they are.
std::string limit_metrics(const quota::InUse& in_use, const catalog::Snapshot& catalog);

// Asks the keeper for at most `most` of them. Empty where it does not answer in time, or not for certain: whoever reads
// metrics wants the others above all when the store hangs. Not on the store thread.
std::string read_limit_metrics(quota::Keeper& keeper, std::shared_ptr<const catalog::Snapshot> catalog,
                               std::size_t most);

}  // namespace app
