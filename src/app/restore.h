#pragma once
// metergate restore: a backup takes the place of a data folder's store, and a store that is older than its journals is
// accepted. On a folder that no server has open.

#include <optional>
#include <string>

#include "base/result.h"
#include "quota/restore.h"

namespace app {

enum class Accept : std::uint8_t { no, yes };

struct Restored {
  std::string replaced;                     // where the store that was there is kept; empty: there was none
  std::string behind;                       // why the store does not start before it is accepted; empty: it does
  std::optional<quota::Accepted> accepted;  // what that found, if it was needed and wanted
};

// `backup`: the file that takes the store's place; none: only accept what is there. invalid_request: it is no whole
// backup, or there is nothing to do. unavailable: somebody has the folder.
base::Result<Restored> restore(const std::string& data_folder, const std::optional<std::string>& backup, Accept accept);

}  // namespace app
