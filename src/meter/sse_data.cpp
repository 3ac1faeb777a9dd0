#include "meter/sse_data.h"

#include "base/find_byte.h"

namespace meter {
namespace {

constexpr std::string_view wanted = "data";
constexpr std::string_view whole_name = "data:";

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
  if (state_ == State::data || state_ == State::other) {
    const std::string_view line = bytes.substr(0, base::find_either(bytes, '\n', '\r'));
    bytes.remove_prefix(line.size());
    return state_ == State::data ? line : std::string_view();
  }
  if (name_bytes_ == 0 && !has_data_ && bytes.starts_with(whole_name)) {  // as nearly every event begins
    bytes.remove_prefix(whole_name.size());
    state_ = State::space;
    has_data_ = true;
    return {};
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
