#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace store {

// What signs sessions (identity/session.h) where the configuration says nothing of it: the file `session.key` in the
// data folder, readable by its owner only. The first secret signs. At a start at which it is 30 days old another one
// takes its place, and what was first before stays until no session of `session_ms` can be by it any more. Who takes
// the file away ends all sessions at the next start.
//
// unavailable: the file cannot be written, others may read it, or its contents are not ours.
base::Result<std::vector<base::Secret>> session_secrets(const std::filesystem::path& data_folder,
                                                        std::int64_t session_ms, base::WallTime now,
                                                        base::Random& random);

}  // namespace store
