#include "meter/sse_data.h"

#include "base/find_byte.h"

namespace meter {
namespace {

constexpr std::string_view wanted = "data";

}  // namespace

std::string_view SseData::take(std::string_view& bytes) {
  over_ = false;
  const char byte = bytes.front();
  const bool second_of_two = after_return_ && byte == '\n';
  after_return_ = false;
  if (second_of_two) {
    bytes.remove_prefix(1);
    return {};
  }
  if (byte == '\n' || byte == '\r') {
    after_return_ = byte == '\r';
    bytes.remove_prefix(1);
    end_line();
    return {};
  }
  line_empty_ = false;
  if (state_ == State::space) {
    state_ = State::data;
    if (byte == ' ') {
      bytes.remove_prefix(1);
      return {};
    }
  }
  const std::size_t end = base::find_either(bytes, '\n', '\r');
  if (state_ == State::data || state_ == State::other) {
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end);
    return state_ == State::data ? line : std::string_view();
  }
  bytes.remove_prefix(1);
  if (name_bytes_ < wanted.size()) {
    state_ = byte == wanted[name_bytes_++] ? State::name : State::other;
    return {};
  }
  state_ = byte == ':' ? State::space : State::other;
  if (state_ == State::other || !has_data_) {
    has_data_ = has_data_ || state_ == State::space;
    return {};
  }
  return "\n";
}

void SseData::end_line() {
  over_ = line_empty_;
  if (line_empty_) has_data_ = false;
  line_empty_ = true;
  state_ = State::name;
  name_bytes_ = 0;
}

}  // namespace meter
