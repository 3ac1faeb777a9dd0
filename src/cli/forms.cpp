#include "cli/forms.h"

#include <fmt/format.h>

#include <vector>

namespace cli {

base::Result<LimitForm> parse_limit_form(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ' ') {
      words.emplace_back();
    } else if (c == '/') {
      words.insert(words.end(), {"per", ""});
    } else {
      words.back() += c;
    }
  }
  std::erase(words, "");
  if (words.size() != 4 || (words[2] != "per" && words[2] != "in"))
    return base::invalid(
        fmt::format("'{}' is not a limit; write an amount, a unit and a window, such as \"10 usd/day\"", text));
  return LimitForm{words[0], words[1], words[3]};
}

}  // namespace cli
