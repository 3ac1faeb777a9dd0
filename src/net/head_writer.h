#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace net {

// Writes a message head into a string that is used over and over: no allocation once it has grown.
class HeadWriter {
 public:
  explicit HeadWriter(std::string& out) : out_(out) { out_.clear(); }

  // "POST /v1/chat/completions HTTP/1.1"; the target in two parts, so that a base path needs no joining.
  HeadWriter& request(std::string_view method, std::string_view base_path, std::string_view target) {
    return line(method, " ", base_path, target, " HTTP/1.1");
  }
  HeadWriter& response(int status, std::string_view reason) {
    return line("HTTP/1.1 ", Digits(status).text(), " ", reason);
  }
  HeadWriter& field(std::string_view name, std::string_view value) { return line(name, ": ", value); }
  HeadWriter& field(std::string_view name, std::int64_t value) { return field(name, Digits(value).text()); }
  // The blank line; the head is complete.
  std::string_view end() {
    line();
    return out_;
  }

 private:
  class Digits {
   public:
    explicit Digits(std::int64_t value) : end_(std::to_chars(digits_, digits_ + sizeof digits_, value).ptr) {}
    std::string_view text() const { return {digits_, end_}; }

   private:
    char digits_[20];
    const char* end_;
  };

  // Makes room once a line; append would ask at every part. What is of a size that the compiler sees, it copies inline.
  template <class... Parts>
  HeadWriter& line(const Parts&... parts) {
    const std::size_t before = out_.size();
    const std::size_t size = ((before + 2) + ... + size_of(parts));
    const auto fill = [&](char* text, std::size_t /* GCC 12 says the capacity */) {
      char* at = text + before;
      ((at = copy(parts, size_of(parts), at)), ...);
      *at++ = '\r';
      *at++ = '\n';
      return at - text;
    };
    out_.resize_and_overwrite(size, fill);
    return *this;
  }
  static std::size_t size_of(std::string_view part) { return part.size(); }
  template <std::size_t Size>
  static constexpr std::size_t size_of(const char (& /*literal*/)[Size]) {
    return Size - 1;
  }
  static char* copy(std::string_view part, std::size_t size, char* at) { return copy(part.data(), size, at); }
  static char* copy(const char* part, std::size_t size, char* at) {
    if (size != 0) std::memcpy(at, part, size);
    return at + size;
  }

  std::string& out_;
};

// The standard reason of a status ("Payment Required"), or "Unknown".
std::string_view reason_of(int status);

}  // namespace net
