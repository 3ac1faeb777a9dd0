#include "cli/list_query.h"

#include <algorithm>

namespace cli {

CLI::Option* ListQuery::add(CLI::App& verb, const std::string& option, const std::string& help) {
  auto& [name, value] = values_.emplace_back(option.substr(2), "");
  std::ranges::replace(name, '-', '_');
  return verb.add_option(option, value, help);
}

void ListQuery::add_page(CLI::App& verb) {
  add(verb, "--limit", "How many to list at most: 1 to 1000; 100 unless told")->check(CLI::Range(1, 1000));
  add(verb, "--cursor", "Where to go on, as the page before said");
}

std::vector<std::pair<std::string, std::string>> ListQuery::parameters() const {
  std::vector<std::pair<std::string, std::string>> given;
  for (const auto& parameter : values_)
    if (!parameter.second.empty()) given.push_back(parameter);
  return given;
}

}  // namespace cli
