#include "app/config_values.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace app {

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, allowed);
}

std::optional<std::string> read_whole(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::error_code ignored;
  if (!stream.is_open() || std::filesystem::is_directory(path, ignored)) return std::nullopt;
  std::ostringstream text;
  text << stream.rdbuf();
  return std::move(text).str();
}

void read_file_name(YamlMap& map, std::string_view key, std::string& into) {
  map.string(key, into);
  if (!into.empty() && !read_whole(into)) map.refuse(key, "names a file that cannot be read");
}

}  // namespace app
