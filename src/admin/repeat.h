#pragma once

#include <string_view>
#include <variant>

#include "admin/handlers.h"
#include "base/result.h"
#include "idempotency/store.h"

namespace admin {

// A change with an Idempotency-Key: of those of one caller with one key it is done once, and who sends it again is
// given the first answer, without what was secret in it. What was refused did nothing, and its key is free again.
// Orders of money are not done here: their key is their transfer's id, for ever (credits.cpp).
class Repeat {
 public:
  // Of a call that changes something.
  static bool is_wanted(const Request& request);
  // The receipt for a call that may be done now; or what is answered in its place: the first answer (with
  // `Idempotency-Replayed: true`), 422 where the key came with another call, 409 where nobody can give the answer
  // again.
  static base::Result<std::variant<Repeat, Response>> begin(Services& services, const Call& call);
  void end(const base::Result<Response>& response);

 private:
  Repeat(Services& services, const idempotency::ClaimRequest& claim) : services_(services), claim_(claim) {}
  base::Status keep(const base::Result<Response>& response);

  Services& services_;
  idempotency::ClaimRequest claim_;
};

// Refuses (invalid_request) what is no Idempotency-Key: 1 to 255 visible ASCII characters without spaces.
base::Status check_idempotency_key(std::string_view key);

}  // namespace admin
