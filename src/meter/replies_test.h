#pragma once
// For tests of readers: a reply's figures as one line, and AWS event streams made by hand.

#include <doctest/doctest.h>

#include <boost/crc.hpp>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meter/reply_reader.h"

namespace meter::test {

// Only what is known, in the order of usage_counts: "input_tokens=12 output_tokens=3".
inline std::string shown(const Usage& usage) {
  std::string out;
  for (const auto& [name, count] : usage_counts)
    if (usage.*count) out += (out.empty() ? "" : " ") + std::string(name) + "=" + std::to_string(*(usage.*count));
  if (usage.provider_cost) out += " cost=" + usage.provider_cost->to_usd();
  return out;
}

inline std::string shown(const Reply& reply) {
  std::string out = reply.usage ? shown(*reply.usage) : "none";
  for (const auto& other : reply.other_models)
    out += " | " + other.model + " " + other.kind + ": " + shown(other.usage);
  return out;
}

inline Reply read(Dialect dialect, std::string_view body, std::size_t step, std::vector<ReplyHeader> headers = {}) {
  ReplyReader reader(dialect, {.status = 200, .headers = headers});
  for (std::size_t at = 0; at < body.size(); at += step) reader.feed(body.substr(at, step));
  return reader.finish();
}
// Reads it whole and in pieces, which must make no difference.
inline Reply read(Dialect dialect, std::string_view body, std::vector<ReplyHeader> headers = {}) {
  Reply whole = read(dialect, body, body.size() + 1, headers);
  for (const std::size_t step : {1, 2, 7, 50}) CHECK(read(dialect, body, step, headers) == whole);
  return whole;
}

inline std::string big_endian(std::size_t number, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(number >> (8 * i));
  return out;
}
inline std::string checksum(std::string_view bytes) {
  boost::crc_32_type crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return big_endian(crc.checksum(), 4);
}
// One message of an AWS event stream.
inline std::string message(std::initializer_list<std::pair<std::string_view, std::string_view>> headers,
                           std::string_view payload) {
  std::string head;
  for (const auto& [name, value] : headers)
    head += big_endian(name.size(), 1) + std::string(name) + "\7" + big_endian(value.size(), 2) + std::string(value);
  std::string out = big_endian(16 + head.size() + payload.size(), 4) + big_endian(head.size(), 4);
  out += checksum(out);
  out += head;
  out += payload;
  return out + checksum(out);
}
inline std::string event(std::string_view type, std::string_view payload) {
  return message({{":message-type", "event"}, {":event-type", type}}, payload);
}

}  // namespace meter::test
