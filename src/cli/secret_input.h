#pragma once
// How a secret comes in: on standard input, never as an argument, which the shell's history and the list of processes
// would show.

#include <functional>
#include <iosfwd>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace cli {

// Asks with the prompt where somebody is there to ask.
using ReadSecret = std::function<base::Result<base::Secret>(const std::string& prompt)>;

// From a terminal one line, typed unseen after the prompt on `err`; from anything else all that there is, at most 64
// KiB. The line break at its end is not part of it. A signal that ends the process while it waits leaves the terminal
// as it was.
base::Result<base::Secret> read_secret(int input, std::ostream& err, const std::string& prompt);

}  // namespace cli
