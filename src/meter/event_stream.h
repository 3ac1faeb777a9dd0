#pragma once
// AWS event streams as bytes (application/vnd.amazon.eventstream), the framing of Bedrock's streams:
//
//   total length, headers' length   4 bytes each, big-endian; of the whole message, and of its headers
//   CRC-32 of these                 4
//   headers, payload
//   CRC-32 of all before it         4

#include <boost/crc.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace meter {

inline constexpr std::size_t message_prelude_bytes = 12;

struct MessageLengths {
  std::uint32_t total = 0;    // bytes, with prelude and checksum
  std::uint32_t headers = 0;  // bytes of them
};
// What the first message_prelude_bytes of a message say; nullopt if their checksum is wrong, or they make no sense.
std::optional<MessageLengths> read_prelude(std::string_view prelude);

// A whole message, checksums and all. Names of headers have up to 255 bytes, their values are texts of up to 65,535.
std::string write_message(std::span<const std::pair<std::string_view, std::string_view>> headers,
                          std::string_view payload);

// Splits a byte stream into messages, in pieces of any size. A payload is handed out as it comes, so that memory stays
// constant; what it said counts only when on_message has come, for only then its checksum is known to be right.
class EventStreamReader {
 public:
  // What AWS names as the largest message, and more headers than any message of Bedrock has.
  static constexpr std::uint32_t message_bytes_max = 24 * 1024 * 1024;
  static constexpr std::uint32_t header_bytes_max = 128 * 1024;

  // The headers that say what a message is; empty where it has none. They live until on_message returns.
  struct Message {
    std::string type;   // ":message-type": event, exception or error
    std::string event;  // ":event-type", or ":exception-type"
  };

  // Calls on_payload(std::string_view) and, behind a whole and undamaged message, on_message(const Message&).
  template <class OnPayload, class OnMessage>
  void feed(std::string_view bytes, OnPayload&& on_payload, OnMessage&& on_message) {
    while (!bytes.empty() && !damaged_) {
      const std::string_view payload = take(bytes);
      if (!payload.empty()) on_payload(payload);
      if (complete_) on_message(static_cast<const Message&>(message_));
    }
  }
  // A checksum was wrong, or a length made no sense. Nothing is read any more, for nobody knows where a message begins.
  bool is_damaged() const { return damaged_; }
  // A message has begun and is not over.
  bool is_inside() const { return state_ != State::prelude || !held_.empty(); }

 private:
  enum class State : std::uint8_t { prelude, headers, payload, checksum };

  // Moves bytes from the front; what they hold of the payload. complete_ if they end a message.
  std::string_view take(std::string_view& bytes);
  // Collects `size` bytes in held_; true if they are all there.
  bool collect(std::string_view& bytes, std::size_t size);
  void begin_message();
  void read_headers();

  State state_ = State::prelude;
  std::string held_;
  boost::crc_32_type checksum_;
  std::uint32_t header_bytes_ = 0;
  std::uint32_t payload_left_ = 0;
  Message message_;
  bool complete_ = false;
  bool damaged_ = false;
};

}  // namespace meter
