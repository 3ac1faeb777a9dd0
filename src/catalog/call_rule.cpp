#include "catalog/call_rule.h"

#include <algorithm>

namespace catalog {
namespace {

// Takes the first segment off: "/a/b" gives "a" and leaves "/b".
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

}  // namespace

bool fits_path(std::string_view rule, std::string_view path) {
  while (!rule.empty() && !path.empty()) {
    const std::string_view wanted = take_segment(rule);
    if (wanted == "**") return true;
    const std::string_view segment = take_segment(path);
    if (wanted != "*" ? wanted != segment : segment.empty()) return false;
  }
  return path.empty() && (rule.empty() || rule == "/**");
}

const CallRule* find_call(std::span<const CallRule> rules, std::string_view method, std::string_view path,
                          bool& any_method) {
  any_method = false;
  for (const CallRule& rule : rules) {
    if (!fits_path(rule.path, path)) continue;
    if (rule.method.empty() || rule.method == method) return &rule;
    any_method = true;
  }
  return nullptr;
}

}  // namespace catalog
