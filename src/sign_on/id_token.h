#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "sign_on/provider.h"

namespace sign_on {

// The claims of an ID token (Core section 3.1.3.7), if it counts. `keys`: the provider's JSON Web Key Set. Its
// signature must be by a key pair, whatever the token itself says: a client's secret or "none" signs nothing here.
// unauthorized: it does not count, and why. upstream_error: the keys are none.
base::Result<base::Json> read_id_token(std::string_view token, std::string_view keys, const Provider& provider,
                                       std::string_view nonce, base::WallTime now);

// Whether a signature did not fit any key: the provider may have a new one since.
bool is_signature_error(const base::Error& error);

}  // namespace sign_on
