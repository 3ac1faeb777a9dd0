#include "cli/target.h"

#include <fmt/format.h>

namespace cli {

std::string percent_encoded(std::string_view text) {
  static constexpr std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (unreserved.contains(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string target_of(const admin::Request& request) {
  std::string target;
  for (std::string_view rest = request.path; !rest.empty();) {
    const auto segment = rest.substr(0, rest.find('/'));
    target += percent_encoded(segment);
    rest.remove_prefix(segment.size());
    if (rest.empty()) break;
    target += '/';
    rest.remove_prefix(1);
  }
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    target += fmt::format("{}{}={}", separator, percent_encoded(name), percent_encoded(value));
    separator = '&';
  }
  return target;
}

}  // namespace cli
