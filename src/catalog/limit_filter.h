#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace catalog {

// Which exchanges a limit applies to: those that fit every part that is set. Part of what a limit is: it never changes.
struct LimitFilter {
  // Of the model that is asked for: '*' stands for any characters or none, '?' for any one. Empty: any model. Capital
  // letters are as small ones: some providers take them so, and a limit must not be got around by one.
  std::string model = {};
  std::string route = {};  // a route's name; empty: any route
  std::string tag = {};    // "team=search": only exchanges with it (tags.h); empty: with any or none

  bool empty() const { return model.empty() && route.empty() && tag.empty(); }
  bool matches(std::string_view asked_model, std::string_view on_route, std::string_view tags) const;
  bool operator==(const LimitFilter&) const = default;
};

// Whether all of `text` fits the pattern. Takes time of at most the product of both lengths, whatever they say.
bool fits_pattern(std::string_view pattern, std::string_view text);

// invalid_request with the field `tag`: it is none. With `model` or `route`: more than 200 characters, one that is not
// visible ASCII, or a wildcard that is not known ('[', ']', '{', '}', '\', '!').
base::Status check_filter(const LimitFilter& filter);

}  // namespace catalog
