#pragma once
// Passwords by libsodium's Argon2id. A hash takes 64 MB and some 70 ms, whoever asks for it: so one at a time.

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace identity {

// invalid_request with the field `password`: shorter than 12 characters, longer than 1,024 bytes, the user's own name,
// or one that everybody tries first.
base::Status check_new_password(const base::Secret& password, std::string_view user_name);

// Its text form, which says how it was made: "$argon2id$v=19$m=65536,t=2,p=1$…". Fails (unavailable) without memory.
base::Result<std::string> hash_password(const base::Secret& password);

// Takes the same time whether it fits or not. With an empty hash, which no user has, it takes that time too, and never
// fits: so that nobody learns from it which names exist.
bool password_fits(const base::Secret& password, const std::string& hash);

}  // namespace identity
