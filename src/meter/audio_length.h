#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace meter {

// How long audio lasts at most, in begun seconds, by what its own head says of its rate: WAV of uncompressed samples,
// and MP3, of which a second is 1,000 bytes at least (8 kbit/s, ISO 11172-3's and 13818-3's smallest rate). nullopt:
// any other format, which may be silence of nearly no bytes.
std::optional<std::int64_t> longest_audio_seconds(std::string_view bytes) noexcept;

}  // namespace meter
