#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace meter {

// How long audio lasts at most, in begun seconds: WAV of uncompressed samples, by their rate, and MP3, by its frames,
// of which every one is looked at. nullopt: any other format, which may be silence of nearly no bytes, and what is not
// all of one of these two.
std::optional<std::int64_t> longest_audio_seconds(std::string_view bytes) noexcept;

}  // namespace meter
