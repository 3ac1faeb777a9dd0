#pragma once
// Which calls of an API without a dialect may be made, and how each is measured. What no rule names is refused.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/money.h"

namespace catalog {

// What a reply says that it cost, in units of its own (credits, dollars), and what a unit costs.
struct Report {
  std::string header;     // the field that says it; empty: the body does
  std::string member;     // the member that says it, its way down joined by '.': "usage.credits"
  base::Price price;      // USD of a billionth of a unit
  std::int64_t most = 0;  // billionths of a unit that one call reports at most: what is reserved for it

  bool operator==(const Report&) const = default;
};

struct CallRule {
  enum class Meter : std::uint8_t {
    requests,  // costs nothing itself; limits on requests and named units count it
    flat,      // costs `price`
    reported,  // costs what its reply says
  };
  std::string name;    // stands for the model in records, in filters of limits and in weights
  std::string method;  // as sent; empty: any
  // Below the route's prefix, in plain form (net/plain_path.h): "*" is any one segment, "**" at the end any rest.
  std::string path;
  Meter meter = Meter::requests;
  base::Money price = {};  // of flat; > 0
  Report report = {};      // of reported

  bool operator==(const CallRule&) const = default;
};

// Whether a plain path fits a rule's.
bool fits_path(std::string_view rule, std::string_view path);
// The first rule that fits; nullptr: none does. `any_method`: set if one would with another method.
const CallRule* find_call(std::span<const CallRule> rules, std::string_view method, std::string_view path,
                          bool& any_method);

}  // namespace catalog
