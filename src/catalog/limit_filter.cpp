#include "catalog/limit_filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/tags.h"

namespace catalog {
namespace {

constexpr std::size_t characters_max = 200;

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

base::Status check_part(std::string_view text, std::string_view field, std::string_view not_known) {
  if (text.size() > characters_max)
    return base::invalid(fmt::format("{} has {} characters; it takes at most {}", field, text.size(), characters_max),
                         std::string(field));
  if (std::ranges::any_of(text, [](char c) { return c <= ' ' || c > '~'; }))
    return base::invalid(fmt::format("{} takes visible ASCII characters without spaces", field), std::string(field));
  const auto at = text.find_first_of(not_known);
  if (at != std::string_view::npos)
    return base::invalid(fmt::format("'{}' holds '{}', which is no wildcard here; '*' stands for any characters and "
                                     "'?' for one",
                                     text, text[at]),
                         std::string(field));
  return {};
}

}  // namespace

// Not fnmatch(3): a client chooses the text, and there some patterns take exponential time. Where the rest does not
// fit, only the last '*' can have stood for too little, so one way back is enough.
bool fits_pattern(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // the last one, and where in the text what follows it was tried
  std::size_t tried = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      tried = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || small(pattern[p]) == small(text[t]))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++tried;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool LimitFilter::matches(std::string_view asked_model, std::string_view on_route, std::string_view tags) const {
  return (route.empty() || route == on_route) && (model.empty() || fits_pattern(model, asked_model)) &&
         (tag.empty() || has_tag(tags, tag));
}

base::Status check_filter(const LimitFilter& filter) {
  TRY_STATUS(check_part(filter.model, "model", "[]{}\\!"));
  TRY_STATUS(check_part(filter.route, "route", {}));
  if (!filter.tag.empty()) TRY_STATUS(parse_tag(filter.tag, "tag"));
  return {};
}

}  // namespace catalog
