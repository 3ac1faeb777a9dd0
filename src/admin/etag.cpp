#include "admin/etag.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/sha256.h"

namespace admin {
namespace {

// Numbers of a limit that calls move, and time.
constexpr std::string_view moving[] = {"available", "reserved",     "unresolved", "spent",
                                       "resets_at", "window_start", "window_end"};
constexpr std::size_t digits = 32;

}  // namespace

std::string etag_of(std::string_view body) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(body, error);
  if (error || !value.is_object()) return {};
  for (const std::string_view name : moving) value.get_object().erase(name);
  return '"' + base::to_hex(base::sha256(boost::json::serialize(value))).substr(0, digits) + '"';
}

bool matches(std::string_view if_match, std::string_view etag) {
  if (etag.empty()) return false;
  if (if_match == "*") return true;
  while (!if_match.empty()) {
    const auto comma = if_match.find(',');
    std::string_view one = if_match.substr(0, comma);
    if_match.remove_prefix(comma == std::string_view::npos ? if_match.size() : comma + 1);
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one == etag) return true;
  }
  return false;
}

}  // namespace admin
