#include "meter/audio_length.h"

namespace meter {
namespace {

std::int64_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::int64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value * 256 + static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// By the samples' own figures; the head's rate in bytes may say anything.
std::optional<std::int64_t> seconds_of_wav(std::string_view bytes) {
  constexpr std::int64_t samples = 1;  // WAVE_FORMAT_PCM
  constexpr std::int64_t floats = 3;   // WAVE_FORMAT_IEEE_FLOAT
  constexpr std::int64_t extensible = 0xFFFE;
  for (std::size_t at = 12; at + 24 <= bytes.size();) {
    const auto size = static_cast<std::size_t>(little_endian(bytes, at + 4, 4));
    if (bytes.substr(at, 4) == "fmt ") {
      const std::int64_t format = little_endian(bytes, at + 8, 2);
      const std::int64_t channels = little_endian(bytes, at + 10, 2);
      const std::int64_t rate = little_endian(bytes, at + 12, 4);
      const std::int64_t bits = little_endian(bytes, at + 22, 2);
      if ((format != samples && format != floats && format != extensible) || channels < 1 || rate < 1 || bits < 8)
        return std::nullopt;
      const std::int64_t bytes_per_second = rate * channels * (bits / 8);
      return static_cast<std::int64_t>(bytes.size()) / bytes_per_second + 1;
    }
    at += 8 + size + size % 2;
  }
  return std::nullopt;
}

bool begins_as_mp3(std::string_view bytes) {
  if (bytes.starts_with("ID3")) return true;
  if (bytes.size() < 4 || static_cast<unsigned char>(bytes[0]) != 0xFF) return false;
  const auto second = static_cast<unsigned char>(bytes[1]);
  const bool layer_three = (second & 0xE6) == 0xE2;
  const auto rate = static_cast<unsigned char>(bytes[2]) >> 4;
  return layer_three && rate != 0 && rate != 15;  // 0: free, any rate at all
}

}  // namespace

std::optional<std::int64_t> longest_audio_seconds(std::string_view bytes) noexcept {
  constexpr std::int64_t least_mp3_bytes = 1000;
  if (bytes.size() >= 36 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WAVE") return seconds_of_wav(bytes);
  if (begins_as_mp3(bytes)) return static_cast<std::int64_t>(bytes.size()) / least_mp3_bytes + 1;
  return std::nullopt;
}

}  // namespace meter
