#pragma once

#include <CLI/CLI.hpp>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace cli {

// Options that become query parameters of the same name, as they are given. Lives as long as its verb.
class ListQuery {
 public:
  // An option "--some-name" for the parameter "some_name".
  CLI::Option* add(CLI::App& verb, const std::string& option, const std::string& help);
  // --limit and --cursor.
  void add_page(CLI::App& verb);

  // Those that were given.
  std::vector<std::pair<std::string, std::string>> parameters() const;

 private:
  std::deque<std::pair<std::string, std::string>> values_;  // options point into it
};

}  // namespace cli
