#pragma once

#include "base/json.h"
#include "base/result.h"
#include "identity/user.h"
#include "sign_on/provider.h"

namespace sign_on {

// Whether the provider must be asked for more of him: its ID token does not hold all that is gone by.
bool lacks_claims(const base::Json& id_token, const Provider& provider);

// Who has come: by the claims of his ID token, and of those that it lacks by what `userinfo` says (an object, or null).
// unauthorized: userinfo is of somebody else, or there is no name in them that a user can have; an `email` counts only
// with `email_verified`, because anybody may enter any address at some providers. forbidden: no group of his has a
// role.
base::Result<identity::ProviderUser> visitor_of(const base::Json& id_token, const base::Json& userinfo,
                                                const Provider& provider);

}  // namespace sign_on
