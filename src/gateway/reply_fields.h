#pragma once
// What of a reply's head and framing both halves of the relay need (relay.cpp, stream.cpp).

#include <boost/container/small_vector.hpp>
#include <string>

#include <fmt/format.h>

#include "meter/reply_reader.h"
#include "net/http_head.h"

namespace gateway {

// The fields in which providers say what a call used.
class ReplyHeaders {
 public:
  explicit ReplyHeaders(const net::ResponseHead& head) : status_(head.status) {
    for (const net::Field& field : head.fields)
      if (field.name.starts_with('x') || field.name.starts_with('X')) fields_.push_back({field.name, field.value});
  }
  meter::ReplyHead head() const { return {.status = status_, .headers = fields_}; }

 private:
  int status_;
  boost::container::small_vector<meter::ReplyHeader, 16> fields_;
};

inline std::string chunk_head(std::size_t size) { return fmt::format("{:x}\r\n", size); }

}  // namespace gateway
