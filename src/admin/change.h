#pragma once

#include <string>
#include <string_view>

#include "admin/handlers.h"
#include "base/result.h"

namespace admin {

// One change in the audit log: begun before it is tried, and completed by what became of it. Secrets and passwords are
// not in it.
class Change {
 public:
  // Fails if the log cannot be written: then nothing may be tried. `before`: the subject as it was, as a reply's body.
  static base::Result<Change> begin(Services& services, const Call& call, std::string action, std::string_view before);
  void end(const base::Result<Response>& response);

 private:
  Change(Services& services, identity::AuditEntry entry) : services_(services), entry_(std::move(entry)) {}
  Services& services_;
  identity::AuditEntry entry_;
};

// A reply's body with a note in place of what is secret in it; as it is if there is nothing secret in it.
std::string without_secrets(std::string_view body);

// Writes at once what has happened already, such as a login, with the status of its reply.
base::Status note_change(Services& services, const identity::Actor& actor, std::string action, std::string subject,
                         int status);

}  // namespace admin
