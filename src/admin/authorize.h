#pragma once

#include "admin/api.h"
#include "admin/caller.h"

namespace admin {

// Who sends this: whoever is local, the environment's admin key, an admin key of the catalog, or a session's token,
// which a page sends in its cookie and anybody else where keys stand. A data key is forbidden here, as an admin key is
// on the proxy; everything else is unauthorized. What changes something and comes with a cookie needs the session's
// CSRF token too: forbidden without it.
base::Result<Caller> authorize(Services& services, const Request& request);

// Whether an admin key whose secret has this digest may come in.
bool is_admin_key(const catalog::Catalog& catalog, const std::optional<base::Sha256>& environment_hash,
                  const base::Clock& clock, const base::Sha256& hash);

}  // namespace admin
