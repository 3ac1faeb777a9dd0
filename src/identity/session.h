#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/sha256.h"
#include "identity/user.h"

namespace identity {

using SessionId = base::Id<struct SessionTag>;

// What a login opens: of a user, or of who holds an admin key. It ends by its time, by a logout, or with what it was
// opened by.
struct Session {
  SessionId id = {};
  std::optional<UserId> user = {};
  std::optional<base::Sha256> admin_key = {};  // digest of the key's secret, if it is no user's
  base::WallTime created = {};
  base::WallTime expires = {};
  bool operator==(const Session&) const = default;
};

// What signs tokens. The first one signs; the others were first before, and what they signed counts until its time is
// over.
class SigningKeys {
 public:
  // RFC 7518 section 3.2 asks for as many bits as the hash has.
  static constexpr std::size_t shortest_bytes = 32;

  // At least one. invalid_request: one is shorter than 32 bytes, or an example; the message goes on from its name.
  static base::Result<SigningKeys> of(std::vector<base::Secret> secrets);
  static SigningKeys random(base::Random& random);

  // A JSON Web Token (RFC 7519), signed by HMAC with SHA-256 (HS256): the session's id is its `jti`. What it says of
  // its user is for who holds it; nothing of that is believed.
  std::string token_of(const Session& session, std::string_view subject) const;
  // The session that a token names, whose signature fits and whose time is not over. unauthorized: any other text. The
  // header must be the very one that token_of writes, so that no other algorithm is ever asked.
  base::Result<SessionId> read(std::string_view token, base::WallTime now) const;

  // What a page sends back with each change, to show that it, and not another site, sends it (double submit). Of the
  // session, and found out by nobody who has no key.
  std::string csrf_token_of(SessionId session) const;
  bool csrf_token_fits(SessionId session, std::string_view text) const;

 private:
  explicit SigningKeys(std::vector<base::Secret> secrets) : secrets_(std::move(secrets)) {}
  std::vector<base::Secret> secrets_;
};

}  // namespace identity
