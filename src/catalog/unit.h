#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace catalog {

enum class LimitUnit : std::uint8_t {
  usd,
  tokens,  // input and output together
  requests,
  input_tokens,
  output_tokens,
  named,  // calls, each with the weight that its route gives the name (route.h)
};

// What a limit counts: a unit that there always is, or one by name.
class Unit {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): each of these is a unit
  Unit(LimitUnit kind = LimitUnit::usd) : kind_(kind) {}
  // `name` as is_unit_name() has it.
  static Unit named(std::string name) {
    Unit unit(LimitUnit::named);
    unit.name_ = std::move(name);
    return unit;
  }

  // NOLINTNEXTLINE(google-explicit-constructor): to switch over
  operator LimitUnit() const { return kind_; }
  const std::string& name() const { return name_; }  // empty unless it is named
  bool operator==(const Unit&) const = default;
  bool operator==(LimitUnit kind) const { return kind_ == kind; }

 private:
  LimitUnit kind_;
  std::string name_;
};

// A small letter and up to 63 small letters, digits or '_', and not a unit that there always is.
bool is_unit_name(std::string_view text);
// Lives as long as the unit.
std::string_view to_string(const Unit& unit) noexcept;
// invalid_request with the field `unit`: neither a unit that there always is nor a name.
base::Result<Unit> unit_from(std::string_view text);

}  // namespace catalog
