#pragma once
// How explain and quote are told of a call that nobody made, and what they say of it in common.

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace cli {

struct CallArguments {
  std::string key, model, route, path, tags, body_file;
  std::optional<std::int64_t> max_tokens, input_tokens;

  void add_options(CLI::App& verb);
  // The API's request. Reads the file.
  base::Result<boost::json::object> body() const;
};

// What becomes of the call, in a line.
std::string verdict_line(const base::Json& reply);
// The call and what it may cost at most.
std::string worst_case_lines(const base::Json& reply);

// How a limit holds, in one word: shadow, lazy, or enforce.
std::string mode_of(const base::Json& limit);

}  // namespace cli
