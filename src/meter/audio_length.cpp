#include "meter/audio_length.h"

#include <algorithm>
#include <array>

namespace meter {
namespace {

std::int64_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::int64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value * 256 + static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// What a second takes by a WAV's format chunk; nullopt: compressed. By the samples' own figures: the head's rate in
// bytes may say anything.
std::optional<std::int64_t> bytes_per_second(std::string_view format) {
  constexpr std::int64_t samples = 1;  // WAVE_FORMAT_PCM
  constexpr std::int64_t floats = 3;   // WAVE_FORMAT_IEEE_FLOAT
  constexpr std::int64_t extensible = 0xFFFE;
  if (format.size() < 16) return std::nullopt;
  std::int64_t kind = little_endian(format, 0, 2);
  if (kind == extensible) kind = format.size() < 40 ? 0 : little_endian(format, 24, 2);  // its subformat's
  const std::int64_t channels = little_endian(format, 2, 2);
  const std::int64_t rate = little_endian(format, 4, 4);
  const std::int64_t bits = little_endian(format, 14, 2);
  if ((kind != samples && kind != floats) || channels < 1 || rate < 1 || bits < 8) return std::nullopt;
  return rate * channels * (bits / 8);
}

std::optional<std::int64_t> seconds_of_wav(std::string_view bytes) {
  std::optional<std::int64_t> rate;
  for (std::size_t at = 12; at + 8 <= bytes.size();) {
    const auto size = static_cast<std::size_t>(little_endian(bytes, at + 4, 4));
    if (bytes.substr(at, 4) == "fmt ") {
      if (rate) return std::nullopt;  // which of two holds is not certain
      rate = bytes_per_second(bytes.substr(at + 8, size));
      if (!rate) return std::nullopt;
    }
    at += 8 + size + size % 2;
  }
  if (!rate) return std::nullopt;
  return static_cast<std::int64_t>(bytes.size()) / *rate + 1;
}

struct Frame {
  std::size_t bytes = 0;
  std::int64_t samples = 0;
  std::int64_t rate = 0;  // samples a second
};

// A frame's head (ISO 11172-3 and 13818-3, layer III). nullopt: it is none, or its rate is free.
std::optional<Frame> frame_at(std::string_view bytes) {
  constexpr std::array<int, 14> version_1{32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320};
  constexpr std::array<int, 14> version_2{8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160};
  constexpr std::array<int, 3> rates{44100, 48000, 32000};
  if (bytes.size() < 4 || static_cast<unsigned char>(bytes[0]) != 0xFF) return std::nullopt;
  const auto second = static_cast<unsigned char>(bytes[1]);
  const auto third = static_cast<unsigned char>(bytes[2]);
  const unsigned version = second >> 3 & 3;  // 3: 1, 2: 2, 0: 2.5
  const unsigned speed = third >> 4;
  const unsigned rate = third >> 2 & 3;
  if ((second & 0xE6) != 0xE2 || version == 1 || speed == 0 || speed == 15 || rate == 3) return std::nullopt;
  Frame frame;
  const std::int64_t bits = 1000LL * (version == 3 ? version_1[speed - 1] : version_2[speed - 1]);
  frame.rate = rates[rate] / (version == 3 ? 1 : version == 2 ? 2 : 4);
  frame.samples = version == 3 ? 1152 : 576;
  frame.bytes = static_cast<std::size_t>(frame.samples / 8 * bits / frame.rate + (third >> 1 & 1));
  return frame;
}

// Behind the tag that an MP3 may begin with: its size has seven bits in each of four bytes.
std::string_view without_tag(std::string_view bytes) {
  if (!bytes.starts_with("ID3") || bytes.size() < 10) return bytes;
  std::size_t size = 0;
  for (std::size_t at = 6; at < 10; ++at) size = size << 7 | (static_cast<unsigned char>(bytes[at]) & 0x7F);
  return bytes.substr(std::min(10 + size, bytes.size()));
}

std::optional<std::int64_t> seconds_of_mp3(std::string_view bytes) {
  constexpr std::int64_t micros_per_second = 1'000'000;
  std::int64_t micros = 0;
  bytes = without_tag(bytes);
  if (!frame_at(bytes)) return std::nullopt;
  while (!bytes.empty()) {
    if (bytes.size() == 128 && bytes.starts_with("TAG")) break;
    const auto frame = frame_at(bytes);
    if (!frame) return std::nullopt;
    micros += frame->samples * micros_per_second / frame->rate + 1;
    bytes.remove_prefix(std::min(frame->bytes, bytes.size()));
  }
  return micros / micros_per_second + 1;
}

}  // namespace

std::optional<std::int64_t> longest_audio_seconds(std::string_view bytes) noexcept {
  if (bytes.starts_with("RIFF") && bytes.size() >= 12 && bytes.substr(8, 4) == "WAVE") return seconds_of_wav(bytes);
  return seconds_of_mp3(bytes);
}

}  // namespace meter
