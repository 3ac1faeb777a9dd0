#pragma once
// Price books as files: what is in one, what is wrong with it, how two differ, and taking one over.

#include <CLI/CLI.hpp>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "meter/price_book.h"

namespace cli {

// Prints an error and makes the exit code 1.
using PrintError = std::function<void(const base::Error&)>;

// Which price book a verb works by.
struct BookChoice {
  std::string book;    // a name that the configuration declares, or a file; empty: the built-in one
  std::string config;  // the configuration; empty: metergate.yaml here, if there is one

  // --book and --config.
  void add_options(CLI::App& verb);
};
// The error names the file.
base::Result<std::shared_ptr<const meter::PriceBook>> read_price_book(const BookChoice& choice);

// The moment that `--at` names, as a date or an RFC 3339 time; now if it is empty. The error names the option.
base::Result<base::WallTime> read_moment(const std::string& at);

// prices list, check, diff and import.
void add_price_files(CLI::App& noun, std::ostream& out, const PrintError& print_error);

}  // namespace cli
