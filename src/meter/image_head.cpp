#include "meter/image_head.h"

#include <algorithm>

#include "meter/base64.h"

namespace meter {
namespace {

constexpr std::size_t looked_at = 96 * 1024;  // of base64: heads with a preview in them are long

std::int64_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }
std::int64_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value * 256 + byte_at(bytes, at + i);
  return value;
}
std::int64_t little_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::int64_t value = 0;
  for (std::size_t i = count; i-- > 0;) value = value * 256 + byte_at(bytes, at + i);
  return value;
}

std::optional<ImageSize> checked(std::int64_t width, std::int64_t height) {
  constexpr std::int64_t longest_side = 99'999;
  if (width < 1 || height < 1 || width > longest_side || height > longest_side) return std::nullopt;
  return ImageSize{.width = width, .height = height};
}

// The first frame header: SOF0 to SOF15 but for DHT, JPG and DAC (ITU T.81, table B.1).
std::optional<ImageSize> size_in_jpeg(std::string_view bytes) {
  std::size_t at = 2;
  while (at + 9 < bytes.size()) {
    if (byte_at(bytes, at) != 0xFF) return std::nullopt;
    const std::int64_t marker = byte_at(bytes, at + 1);
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC)
      return checked(big_endian(bytes, at + 7, 2), big_endian(bytes, at + 5, 2));
    at += 2 + static_cast<std::size_t>(big_endian(bytes, at + 2, 2));
  }
  return std::nullopt;
}

std::optional<ImageSize> size_in_webp(std::string_view bytes) {
  const std::string_view kind = bytes.substr(12, 4);
  if (kind == "VP8X") return checked(little_endian(bytes, 24, 3) + 1, little_endian(bytes, 27, 3) + 1);
  if (kind == "VP8 ") return checked(little_endian(bytes, 26, 2) & 0x3FFF, little_endian(bytes, 28, 2) & 0x3FFF);
  if (kind != "VP8L") return std::nullopt;
  const std::int64_t bits = little_endian(bytes, 21, 4);
  return checked((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1);
}

}  // namespace

std::optional<ImageSize> size_in_head(std::string_view bytes) noexcept {
  if (bytes.size() >= 24 && bytes.starts_with("\x89PNG\r\n\x1a\n") && bytes.substr(12, 4) == "IHDR")
    return checked(big_endian(bytes, 16, 4), big_endian(bytes, 20, 4));
  if (bytes.size() >= 10 && (bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a")))
    return checked(little_endian(bytes, 6, 2), little_endian(bytes, 8, 2));
  if (bytes.starts_with("\xFF\xD8")) return size_in_jpeg(bytes);
  if (bytes.size() >= 30 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") return size_in_webp(bytes);
  return std::nullopt;
}

std::optional<ImageSize> size_in_base64(std::string_view text) {
  const auto head = from_base64(text.substr(0, looked_at));
  return head ? size_in_head(*head) : std::nullopt;
}

std::optional<ImageSize> size_in_data_url(std::string_view url) {
  constexpr std::string_view mark = ";base64,";
  if (!url.starts_with("data:")) return std::nullopt;
  const auto data = url.find(mark);
  return data == std::string_view::npos ? std::nullopt : size_in_base64(url.substr(data + mark.size()));
}

}  // namespace meter
