#pragma once
// What a reply of an API without a dialect says that it cost: a number in a header, or in its JSON.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "meter/json_sieve.h"

namespace meter {

// A decimal number of units (28, "0.0031", 7.1e-05) in billionths, rounded up; nullopt: it is none, negative, or more
// than an int64 of billionths holds.
std::optional<std::int64_t> billionths_of(std::string_view number);

// Finds a number in a JSON body that comes in pieces of any size; memory is bounded however long it is.
class ReportReader {
 public:
  // `member`: the way down to it, joined by '.'.
  explicit ReportReader(std::string_view member);
  ReportReader(const ReportReader&) = delete;
  ReportReader& operator=(const ReportReader&) = delete;

  void feed(std::string_view bytes);
  // At the body's end, in billionths. nullopt: it was not there, or is no such number.
  std::optional<std::int64_t> billionths() const { return found_; }

 private:
  void read(std::string_view kept);

  std::string member_;
  JsonPaths paths_;
  JsonSieve sieve_;
  std::optional<std::int64_t> found_;
};

}  // namespace meter
