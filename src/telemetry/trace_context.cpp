#include "telemetry/trace_context.h"

#include <algorithm>

#include <fmt/format.h>

namespace telemetry {
namespace {

constexpr std::string_view parent_field = "traceparent";
constexpr std::string_view state_field = "tracestate";
constexpr std::size_t version_00_size = 55;  // "00-" and 32, 16 and 2 digits with a '-' between them

// Where an id is all zeros it stands for none; that is one of 2^64 at the least.
template <class Id>
Id random_id(base::Random& random) {
  Id id;
  do {
    random.fill(std::as_writable_bytes(std::span(id.bytes)));
  } while (id == Id{});
  return id;
}

// Small letters alone are valid here.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool read_hex(std::string_view text, std::span<std::uint8_t> into) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    into[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_key(std::string_view key) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !key.empty() && key.size() <= 256 && plain(key.front()) &&
         std::ranges::all_of(key, [&](char c) { return plain(c) || std::string_view("_-*/@").contains(c); });
}

bool is_value(std::string_view value) {
  return !value.empty() && value.size() <= 256 &&
         std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

// A list of key=value, its empty members left out; empty if it is not well formed: one that is half understood is
// handed on to nobody.
std::string checked_state(std::string_view list) {
  constexpr std::size_t members_max = 32;
  constexpr std::size_t size_max = 2048;
  std::string out;
  std::size_t members = 0;
  if (list.size() > size_max) return {};
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view member = trimmed(list.substr(0, end));
    list.remove_prefix(std::min(list.size(), end + 1));
    if (member.empty()) continue;
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos || !is_key(member.substr(0, equals)) || !is_value(member.substr(equals + 1)))
      return {};
    if (++members > members_max) return {};
    if (!out.empty()) out += ',';
    out += member;
  }
  return out;
}

}  // namespace

TraceId TraceId::create(base::Random& random) { return random_id<TraceId>(random); }
SpanId SpanId::create(base::Random& random) { return random_id<SpanId>(random); }

std::string to_hex(std::span<const std::uint8_t> bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

std::optional<TraceContext> parse_traceparent(std::string_view value) {
  std::array<std::uint8_t, 1> version{};
  std::array<std::uint8_t, 1> flags{};
  TraceContext context;
  if (value.size() < version_00_size || !read_hex(value.substr(0, 2), version) || version[0] == 0xFF) return {};
  if (version[0] == 0 && value.size() != version_00_size) return {};
  if (value.size() > version_00_size && value[version_00_size] != '-') return {};
  if (value[2] != '-' || value[35] != '-' || value[52] != '-') return {};
  if (!read_hex(value.substr(3), context.trace.bytes) || !read_hex(value.substr(36), context.span.bytes) ||
      !read_hex(value.substr(53), flags))
    return {};
  if (context.trace == TraceId{} || context.span == SpanId{}) return {};
  context.flags = flags[0] & (TraceContext::sampled_flag | TraceContext::random_flag);
  return context;
}

std::string to_traceparent(const TraceContext& context) {
  return fmt::format("00-{}-{}-{:02x}", to_hex(context.trace.bytes), to_hex(context.span.bytes), context.flags);
}

ReceivedContext read_context(std::span<const net::Field> fields) {
  ReceivedContext out;
  std::string state;
  int parents = 0;
  for (const net::Field& field : fields) {
    if (!is_of_context(field)) continue;
    if (net::equals_ignoring_case(field.name, state_field)) {
      state.append(state.empty() ? "" : ",").append(field.value);
    } else if (++parents == 1) {
      out.parent = parse_traceparent(field.value);
    }
  }
  if (parents != 1) out.parent.reset();
  if (out.parent) out.state = checked_state(state);
  return out;
}

bool is_of_context(const net::Field& field) {
  return net::equals_ignoring_case(field.name, parent_field) || net::equals_ignoring_case(field.name, state_field);
}

}  // namespace telemetry
