#pragma once
// Numbers as few bytes, one after the other: what the packed usage log and the journal's records are made of. Nothing
// here trusts what it reads.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace base {

static_assert(std::endian::native == std::endian::little, "the packed formats are little-endian");

// Small numbers of either sign become small numbers without one: 0, -1, 1, -2 … are 0, 1, 2, 3 …
constexpr std::uint64_t zigzag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

// The most that one number takes: seven bits a byte.
inline constexpr std::size_t number_bytes_max = 10;

// Writes into memory that is large enough.
class ByteWriter {
 public:
  explicit ByteWriter(char* at) : at_(at) {}
  void byte(std::uint8_t value) { *at_++ = static_cast<char>(value); }
  void number(std::uint64_t value) {
    char* at = at_;  // bytes may alias anything, also at_
    for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
    *at++ = static_cast<char>(value);
    at_ = at;
  }
  void signed_number(std::int64_t value) { number(zigzag(value)); }
  void bytes(const void* from, std::size_t size) {
    if (size == 0) return;  // an empty list has no address
    std::memcpy(at_, from, size);
    at_ += size;
  }
  char* at() const { return at_; }
  void skip(std::size_t size) { at_ += size; }

 private:
  char* at_;
};

// Reads what a ByteWriter wrote. After the first thing that is not there it is broken, and everything reads as zero.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool broken() const { return broken_; }
  // For a reader that finds that what it read cannot be.
  void give_up() { fail(); }
  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }
  std::uint8_t byte() { return at_ == end_ ? static_cast<std::uint8_t>(fail()) : static_cast<std::uint8_t>(*at_++); }
  std::uint64_t number() {
    if (at_ == end_) return fail();
    auto next = static_cast<std::uint8_t>(*at_++);
    if (next < 0x80) return next;
    std::uint64_t value = next & 0x7F;
    for (unsigned shift = 7; shift < 64 && at_ != end_; shift += 7) {
      next = static_cast<std::uint8_t>(*at_++);
      value |= static_cast<std::uint64_t>(next & 0x7F) << shift;
      if (next < 0x80) return value;
    }
    return fail();
  }
  std::int64_t signed_number() { return unzigzag(number()); }
  // Empty if there are not as many left.
  std::string_view bytes(std::uint64_t size) {
    if (size > rest().size()) {
      fail();
      return {};
    }
    const std::string_view taken(at_, size);
    at_ += size;
    return taken;
  }

 private:
  std::uint64_t fail() {
    broken_ = true;
    at_ = end_;
    return 0;
  }

  const char* at_;
  const char* end_;
  bool broken_ = false;
};

}  // namespace base
