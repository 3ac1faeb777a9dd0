#pragma once
// Price books as files: what is in one, what is wrong with it, how two differ, and taking one over.

#include <CLI/CLI.hpp>
#include <functional>
#include <iosfwd>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "meter/price_book.h"

namespace cli {

// Prints an error and makes the exit code 1.
using PrintError = std::function<void(const base::Error&)>;

// The book of a file, or the built-in one if `file` is empty. The error names the file.
base::Result<meter::PriceBook> read_price_book(const std::string& file);

// The moment that `--at` names, as a date or an RFC 3339 time; now if it is empty. The error names the option.
base::Result<base::WallTime> read_moment(const std::string& at);

// prices list, check, diff and import.
void add_price_files(CLI::App& noun, std::ostream& out, const PrintError& print_error);

}  // namespace cli
