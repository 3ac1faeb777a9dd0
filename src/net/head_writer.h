#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace net {

// Writes a message head into a string that is used over and over: no allocation once it has grown.
class HeadWriter {
 public:
  explicit HeadWriter(std::string& out) : out_(out) { out_.clear(); }

  // "POST /v1/chat/completions HTTP/1.1"; the target in two parts, so that a base path needs no joining.
  HeadWriter& request(std::string_view method, std::string_view base_path, std::string_view target) {
    out_.append(method).append(1, ' ').append(base_path).append(target).append(" HTTP/1.1\r\n");
    return *this;
  }
  HeadWriter& response(int status, std::string_view reason) {
    out_.append("HTTP/1.1 ");
    number(status);
    out_.append(1, ' ').append(reason).append("\r\n");
    return *this;
  }
  HeadWriter& field(std::string_view name, std::string_view value) {
    out_.append(name).append(": ").append(value).append("\r\n");
    return *this;
  }
  HeadWriter& field(std::string_view name, std::int64_t value) {
    out_.append(name).append(": ");
    number(value);
    out_.append("\r\n");
    return *this;
  }
  // The blank line; the head is complete.
  std::string_view end() {
    out_.append("\r\n");
    return out_;
  }

 private:
  void number(std::int64_t value) {
    char digits[20];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    out_.append(digits, end);
  }

  std::string& out_;
};

// The standard reason of a status ("Payment Required"), or "Unknown".
std::string_view reason_of(int status);

}  // namespace net
