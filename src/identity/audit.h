#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ids.h"

namespace identity {

using AuditId = base::Id<struct AuditTag>;

// Who asked for a change.
enum class ActorKind : std::uint8_t {
  user,
  admin_key,
  local,   // over the data folder's socket: whoever may read the folder
  nobody,  // who failed to log in
};
struct Actor {
  ActorKind kind = ActorKind::nobody;
  std::string id = {};       // of the user or the key; empty: there is none
  std::string name = {};     // as it was then
  std::string address = {};  // of the connection; empty: it was local
  bool operator==(const Actor&) const = default;
};
std::string_view to_string(ActorKind kind) noexcept;

// One change that was asked for. It is written before it is tried, so that none is left out: one without a status was
// begun, and the process ended in it.
struct AuditEntry {
  AuditId id;
  base::WallTime at;
  Actor actor;
  std::string action;   // "PATCH /api/v1/limits/{id}"
  std::string subject;  // what stood for {id}, or the id of what was made; may be empty
  std::string asked;    // the request's body, JSON, without secrets; may be empty
  std::string before;   // the subject as it was, JSON; empty: it was not there, or has no form of its own
  std::string after;    // and as it is since
  int status = 0;       // of the reply; 0: see above
  bool operator==(const AuditEntry&) const = default;
};

struct AuditFilter {
  std::optional<AuditId> before = {};  // only what is older
  std::optional<std::string> actor = {};
  std::optional<std::string> subject = {};
  std::optional<base::WallTime> from = {};
  std::optional<base::WallTime> to = {};
  int limit = 100;  // 1 to 1,000
};

}  // namespace identity
