#include "net/trusted_proxies.h"

#include <algorithm>
#include <ranges>

#include "net/http_head.h"

namespace net {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The members of all fields of that name, in their order (RFC 9110 section 5.3).
std::vector<std::string_view> members_of(const RequestHead& head, std::string_view name) {
  std::vector<std::string_view> members;
  for (const Field& field : head.fields) {
    if (!equals_ignoring_case(field.name, name)) continue;
    for (const auto part : std::views::split(field.value, ','))
      members.push_back(trimmed(std::string_view(part.begin(), part.end())));
  }
  return members;
}

// Some proxies write "203.0.113.7:4711" and "[2001:db8::1]:4711".
std::string_view without_port(std::string_view member) {
  if (member.starts_with('[')) {
    const auto end = member.find(']');
    return end == std::string_view::npos ? std::string_view() : member.substr(1, end - 1);
  }
  return std::ranges::count(member, ':') == 1 ? member.substr(0, member.find(':')) : member;
}

}  // namespace

bool TrustedProxies::has(std::string_view address) const {
  return std::ranges::any_of(blocks_, [&](const base::AddressBlock& block) { return block.holds(address); });
}

std::string TrustedProxies::client_of(std::string peer, const RequestHead& head) const {
  if (!has(peer)) return peer;
  const auto members = members_of(head, "x-forwarded-for");
  if (members.empty()) return {};
  for (const std::string_view member : members | std::views::reverse) {
    const auto address = base::canonical_address(without_port(member));
    if (!address) return {};
    if (!has(*address)) return *address;
    peer = *address;
  }
  return peer;  // a proxy's own call, by way of another
}

bool TrustedProxies::encrypted(std::string_view peer, const RequestHead& head) const {
  if (!has(peer)) return false;
  const auto members = members_of(head, "x-forwarded-proto");
  return !members.empty() && members.back() == "https";
}

}  // namespace net
