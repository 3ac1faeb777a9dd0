#pragma once

#include <string_view>

#include "admin/caller.h"
#include "base/result.h"
#include "catalog/snapshot.h"

namespace admin {

// The account or key that a person or a customer's system means: by id, else (accounts) by external id, else by name
// if only one has that name; a name that only deleted accounts or revoked keys have finds none. not_found names the
// nearest one, conflict is a name that several have. `field` is where the reference stood. The pointers live as long as
// the snapshot. What the caller does not see is not there.
base::Result<const catalog::Account*> find_account(const catalog::Snapshot& snapshot, std::string_view reference,
                                                   std::string_view field, const Caller& caller);
base::Result<const catalog::Key*> find_key(const catalog::Snapshot& snapshot, std::string_view reference,
                                           std::string_view field, const Caller& caller);
// By id only: limits of the same form have the same name.
base::Result<const catalog::Limit*> find_limit(const catalog::Snapshot& snapshot, std::string_view id,
                                               const Caller& caller);
base::Result<const catalog::LimitTemplate*> find_template(const catalog::Snapshot& snapshot, std::string_view id,
                                                          std::string_view field);

}  // namespace admin
