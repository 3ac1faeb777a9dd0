#include "catalog/account.h"

namespace catalog {

std::string_view to_string(AccountStatus status) noexcept {
  switch (status) {
    case AccountStatus::active: return "active";
    case AccountStatus::suspended: return "suspended";
    case AccountStatus::deleted: return "deleted";
  }
  return "suspended";
}

}  // namespace catalog
