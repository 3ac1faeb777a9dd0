#include "identity/audit.h"

namespace identity {

std::string_view to_string(ActorKind kind) noexcept {
  switch (kind) {
    case ActorKind::user: return "user";
    case ActorKind::admin_key: return "admin_key";
    case ActorKind::local: return "local";
    case ActorKind::nobody: return "nobody";
  }
  return "?";
}

}  // namespace identity
