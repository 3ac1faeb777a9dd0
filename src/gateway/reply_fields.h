#pragma once
// What of a reply's head and framing several steps of the relay need (relay.cpp, stream.cpp, fallback.cpp).

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

// Statuses with which a provider says that it did not do the work, and so does not bill it. A 5xx of something between
// us and the provider (502, 504) proves nothing.
inline bool is_definite_refusal(int status, const meter::Reply& reply) {
  return (status >= 400 && status < 500) || ((status == 500 || status == 503 || status == 529) && reply.names_error);
}

inline std::string chunk_head(std::size_t size) { return fmt::format("{:x}\r\n", size); }

}  // namespace gateway
