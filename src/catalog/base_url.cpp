#include "catalog/base_url.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace catalog {
namespace {

// "host:port" or "[v6]:port", the port being optional; host without brackets.
struct Authority {
  std::string_view host;
  std::optional<std::string_view> port;
};

Authority split_authority(std::string_view text) {
  const bool bracketed = text.starts_with('[') && text.contains(']');
  const auto host_end = bracketed ? text.find(']') + 1 : std::min(text.find(':'), text.size());
  Authority authority{text.substr(0, host_end), std::nullopt};
  if (bracketed) authority.host = text.substr(1, host_end - 2);
  if (text.substr(host_end).starts_with(':')) {
    authority.port = text.substr(host_end + 1);
  } else if (host_end != text.size()) {
    authority.host = {};  // "[::1]8080"
  }
  return authority;
}

// A name or an address; an IPv6 address is looked at more closely when it is connected to.
bool is_host(std::string_view host) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == ':';
  };
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, allowed);
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || stop != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace

base::Status parse_base_url(std::string_view text, Upstream& into) {
  const auto scheme_end = text.find("://");
  const auto scheme = lower(text.substr(0, scheme_end));
  if (scheme_end == std::string_view::npos || (scheme != "http" && scheme != "https"))
    return base::invalid("must begin with https:// or http://");
  const auto rest = text.substr(scheme_end + 3);
  // A client's query would have to be merged with it, and a secret in it would be logged with the path.
  if (rest.find_first_of("?#") != std::string_view::npos) return base::invalid("must end before any '?' or '#'");
  const auto path_start = std::min(rest.find('/'), rest.size());
  if (rest.substr(0, path_start).contains('@'))
    return base::invalid("must not hold a user name or password; the upstream's secret belongs in 'key'");

  const auto authority = split_authority(rest.substr(0, path_start));
  const auto host = lower(authority.host);
  if (!is_host(host)) return base::invalid("must name a host after the scheme, such as https://api.openai.com/v1");
  std::optional<std::uint16_t> port = scheme == "https" ? 443 : 80;
  if (authority.port) port = read_port(*authority.port);
  if (!port) return base::invalid("must have a port between 1 and 65535 after the ':'");
  auto path = rest.substr(path_start);
  if (!std::ranges::all_of(path, [](char c) { return c > ' ' && c < 0x7F; }))
    return base::invalid("must not hold spaces or characters outside ASCII");
  while (path.ends_with('/')) path.remove_suffix(1);

  into.scheme = scheme;
  into.host = host;
  into.port = *port;
  into.base_path = path;
  return {};
}

std::string_view default_output_cap_field(std::string_view host) {
  const bool renamed = host == "api.openai.com" || host.ends_with(".openai.azure.com");
  return renamed ? "max_completion_tokens" : "max_tokens";
}

}  // namespace catalog
