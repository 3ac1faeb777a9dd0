#pragma once

#include "admin/api.h"

namespace admin {

// Whether the request may use the API: it is local, or carries the environment's admin key or an admin key of the
// catalog. A data key is forbidden here, as an admin key is on the proxy; everything else is unauthorized.
base::Status authorize(const Services& services, const Request& request);

}  // namespace admin
