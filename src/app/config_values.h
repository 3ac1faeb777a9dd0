#pragma once
// Values that several parts of the configuration are made of.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "app/yaml_reader.h"

namespace app {

inline constexpr IntegerRange duration_ms{1, 24LL * 3600 * 1000};
inline constexpr IntegerRange body_bytes{1, 1LL << 40};

// Names appear in metrics, records and headers.
bool is_name(std::string_view text);
inline constexpr std::string_view name_rule = "must be 1 to 64 letters, digits, '-', '_' or '.'";

// nullopt if there is no such file, or it cannot be read. A directory can be opened, but not read.
std::optional<std::string> read_whole(const std::string& path);
// A path to a file that must be readable now, not when the first client comes.
void read_file_name(YamlMap& map, std::string_view key, std::string& into);

}  // namespace app
