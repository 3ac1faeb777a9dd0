// Fuzzes the HTTP/1.1 codec. What must hold for any bytes: the result does not depend on how they are cut; a head that
// we accept is accepted by an independent parser (Boost.Beast) with the same fields, so that nothing behind us reads
// another message than we priced.
#include <algorithm>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "base/assert.h"
#include "net/http_body.h"
#include "net/http_head.h"

namespace {

namespace http = boost::beast::http;

void check_head(std::string_view bytes) {
  std::vector<net::Field> fields;
  const auto ours = net::parse_request_head(bytes, fields);
  if (!ours || !*ours) return;
  const net::RequestHead& head = **ours;
  http::request_parser<http::empty_body> theirs;
  theirs.header_limit(64 * 1024);
  theirs.body_limit(boost::none);
  boost::system::error_code error;
  theirs.put(boost::asio::buffer(bytes.substr(0, head.size).data(), head.size), error);
  ASSERT(!error || error == http::error::need_more);
  ASSERT(theirs.is_header_done());
  const auto& message = theirs.get();
  ASSERT(message.method_string() == head.method);
  ASSERT(message.target() == head.target);
  // Beast keeps fields of one name together: their order counts within a name.
  ASSERT(static_cast<std::size_t>(std::distance(message.begin(), message.end())) == head.fields.size());
  for (const net::Field& field : head.fields) {
    const auto [first, last] = message.equal_range(field.name);
    std::vector<std::string_view> ours_of_name;
    for (const net::Field& other : head.fields)
      if (net::equals_ignoring_case(other.name, field.name)) ours_of_name.push_back(other.value);
    ASSERT(std::equal(first, last, ours_of_name.begin(), ours_of_name.end(),
                      [](const auto& theirs_field, std::string_view value) { return theirs_field.value() == value; }));
  }
  ASSERT(theirs.chunked() == (head.framing == net::Framing::chunked));
  if (head.framing == net::Framing::length)
    ASSERT(theirs.content_length().value_or(0) == static_cast<std::uint64_t>(head.content_length));
  // Cut one byte short, the same head asks for more.
  std::vector<net::Field> again;
  const auto shorter = net::parse_request_head(bytes.substr(0, head.size - 1), again);
  ASSERT(shorter && !*shorter);
}

struct Decoded {
  std::string payload;
  std::string trailers;
  bool failed = false;
  bool done = false;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view bytes, net::Framing framing, std::size_t step) {
  net::BodyDecoder decoder(framing, 1000);
  Decoded out;
  std::string have;
  for (std::size_t at = 0; at < bytes.size() && !decoder.done(); at += step) {
    have += bytes.substr(at, step);
    while (!decoder.done()) {
      const auto next = decoder.next(have);
      if (!next) {
        out.failed = true;
        return out;
      }
      if (next->consumed == 0) break;
      out.payload += next->payload;
      have.erase(0, next->consumed);
    }
  }
  out.trailers = decoder.trailers();
  out.done = decoder.done();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_head(bytes);
  std::vector<net::Field> fields;
  (void)net::parse_response_head(bytes, fields, (data[0] & 1) != 0 ? "GET" : "HEAD");
  const auto framing = (data[0] & 2) != 0 ? net::Framing::chunked : net::Framing::length;
  const Decoded whole = decode(bytes, framing, bytes.size() + 1);
  const Decoded cut = decode(bytes, framing, 1 + data[0] % 7);
  // Cut or whole, the verdict and the payload are one; payload before an error may differ by where the error was seen.
  ASSERT(whole.failed == cut.failed);
  if (!whole.failed) ASSERT(whole == cut);
  return 0;
}
