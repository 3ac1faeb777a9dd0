#include "meter/event_stream.h"

#include <algorithm>
#include <array>

namespace meter {
namespace {

constexpr std::size_t checksum_bytes = 4;

std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t size = 4) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return number;
}

// The bytes that a header's value takes by its type; texts and byte arrays have their length in front.
constexpr std::uint8_t byte_array = 6;
constexpr std::uint8_t text = 7;
constexpr std::array<std::size_t, 10> value_bytes{0, 0, 1, 2, 4, 8, 2, 2, 8, 16};

std::uint32_t checksum_of(std::string_view bytes) {
  boost::crc_32_type checksum;
  checksum.process_bytes(bytes.data(), bytes.size());
  return checksum.checksum();
}

void put(std::string& out, std::size_t number, std::size_t size) {
  for (std::size_t i = size; i-- > 0;) out += static_cast<char>(number >> (8 * i));
}

}  // namespace

std::optional<MessageLengths> read_prelude(std::string_view prelude) {
  const MessageLengths lengths{.total = number_at(prelude, 0), .headers = number_at(prelude, 4)};
  const bool sound = number_at(prelude, 8) == checksum_of(prelude.substr(0, 8)) &&
                     lengths.total <= EventStreamReader::message_bytes_max &&
                     lengths.headers <= EventStreamReader::header_bytes_max &&
                     lengths.total >= message_prelude_bytes + lengths.headers + checksum_bytes;
  return sound ? std::optional(lengths) : std::nullopt;
}

std::string write_message(std::span<const std::pair<std::string_view, std::string_view>> headers,
                          std::string_view payload) {
  std::string head;
  for (const auto& [name, value] : headers) {
    put(head, name.size(), 1);
    head += name;
    put(head, text, 1);
    put(head, value.size(), 2);
    head += value;
  }
  std::string out;
  put(out, message_prelude_bytes + head.size() + payload.size() + checksum_bytes, 4);
  put(out, head.size(), 4);
  put(out, checksum_of(out), checksum_bytes);
  out += head;
  out += payload;
  put(out, checksum_of(out), checksum_bytes);
  return out;
}

std::string_view EventStreamReader::take(std::string_view& bytes) {
  complete_ = false;
  switch (state_) {
    case State::prelude:
      if (collect(bytes, message_prelude_bytes)) begin_message();
      return {};
    case State::headers:
      if (collect(bytes, header_bytes_)) read_headers();
      return {};
    case State::payload: {
      const std::string_view payload = bytes.substr(0, payload_left_);
      bytes.remove_prefix(payload.size());
      checksum_.process_bytes(payload.data(), payload.size());
      payload_left_ -= static_cast<std::uint32_t>(payload.size());
      if (payload_left_ == 0) state_ = State::checksum;
      return payload;
    }
    case State::checksum: break;
  }
  if (!collect(bytes, checksum_bytes)) return {};
  damaged_ = number_at(held_, 0) != checksum_.checksum();
  complete_ = !damaged_;
  held_.clear();
  state_ = State::prelude;
  return {};
}

bool EventStreamReader::collect(std::string_view& bytes, std::size_t size) {
  const std::size_t taken = std::min(bytes.size(), size - held_.size());
  held_ += bytes.substr(0, taken);
  bytes.remove_prefix(taken);
  return held_.size() == size;
}

void EventStreamReader::begin_message() {
  const auto lengths = read_prelude(held_);
  damaged_ = !lengths;
  if (damaged_) return;
  checksum_.reset();
  checksum_.process_bytes(held_.data(), held_.size());
  header_bytes_ = lengths->headers;
  payload_left_ = lengths->total - header_bytes_ - static_cast<std::uint32_t>(message_prelude_bytes + checksum_bytes);
  held_.clear();
  message_ = {};
  state_ = State::headers;
  if (header_bytes_ == 0) read_headers();
}

void EventStreamReader::read_headers() {
  checksum_.process_bytes(held_.data(), held_.size());
  std::string_view left = held_;
  while (!left.empty()) {
    const auto name_bytes = static_cast<std::uint8_t>(left[0]);
    if (left.size() < name_bytes + std::size_t{2}) break;
    const std::string_view name = left.substr(1, name_bytes);
    const auto type = static_cast<std::uint8_t>(left[name_bytes + std::size_t{1}]);
    left.remove_prefix(name_bytes + std::size_t{2});
    if (type >= value_bytes.size() || left.size() < value_bytes[type]) {
      damaged_ = true;
      return;
    }
    std::size_t size = value_bytes[type];
    if (type == byte_array || type == text) {
      size = number_at(left, 0, 2);
      left.remove_prefix(2);
    }
    if (size > left.size()) break;
    const std::string_view value = left.substr(0, size);
    left.remove_prefix(size);
    if (name == ":message-type") message_.type = value;
    if (name == ":event-type" || name == ":exception-type") message_.event = value;
  }
  damaged_ = !left.empty();
  held_.clear();
  state_ = payload_left_ > 0 ? State::payload : State::checksum;
}

}  // namespace meter
