#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace net {

// The one form of a path that rules are compared with, so that no other spelling of it gets past them: small letters,
// percent-escapes decoded (but for those of '/', '\\' and '%', which stay part of their segment), without a '/' at its
// end. `path` begins with '/' and has no query.
//
// invalid_request for what servers read in different ways (RFC 3986, 6.2.2 and 6.2.3): an empty segment ("//"), the
// segments "." and "..", escaped too, a backslash, a control character, and an escape that is none.
base::Result<std::string> plain_path(std::string_view path);

}  // namespace net
