#include "app/substitute.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace app {
namespace {

bool is_variable_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') && std::ranges::all_of(name, allowed);
}

}  // namespace

Environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

base::Result<std::string> substitute(std::string_view text, const Environment& environment) {
  std::string out;
  while (!text.empty()) {
    const auto dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      out += '$';
      text.remove_prefix(1);
      continue;
    }
    const auto end = text.find('}');
    if (!text.starts_with('{') || end == std::string_view::npos)
      return base::invalid("has a '$' that begins no ${VARIABLE}; write $$ for a plain '$'");
    const auto inside = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    const auto separator = inside.find(":-");
    const auto name = inside.substr(0, separator);
    if (!is_variable_name(name))
      return base::invalid(fmt::format("has ${{{}}}, which is not a variable's name", inside.substr(0, 64)));
    auto value = environment(name);
    if (separator != std::string_view::npos && (!value || value->empty())) value = inside.substr(separator + 2);
    if (!value)
      return base::invalid(fmt::format("needs the environment variable {}, which is not set", name), std::string(name));
    out += *value;
  }
  return out;
}

}  // namespace app
