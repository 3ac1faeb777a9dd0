#include "catalog/tags.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace catalog {
namespace {

using Tags = std::map<std::string_view, std::string_view>;

bool is_small_letter(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool fits_name(char c) { return is_small_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.'; }
bool fits_value(char c) {
  return fits_name(c) || (c >= 'A' && c <= 'Z') || c == ':' || c == '/' || c == '@' || c == '+';
}

std::string_view without_spaces_around(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::string shown(std::string_view text) { return fmt::format("'{}'", text.substr(0, 64)); }

// Adds one "name=value".
base::Status read_tag(std::string_view text, std::string_view field, Tags& tags) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return base::invalid(fmt::format("{}: {} is not a tag; write name=value", field, shown(text)), std::string(field));
  const std::string_view name = text.substr(0, equals), value = text.substr(equals + 1);
  TRY_STATUS(check_tag_name(name, field));
  if (value.empty() || value.size() > tag_value_max || !std::ranges::all_of(value, fits_value))
    return base::invalid(fmt::format("{}: {} is not the value of a tag; it is 1 to {} letters, digits or '_-.:/@+'",
                                     field, shown(value), tag_value_max),
                         std::string(field));
  if (!tags.emplace(name, value).second)
    return base::invalid(fmt::format("{}: the tag '{}' is there twice", field, name), std::string(field));
  return {};
}

// Calls `see(name, value)` for each tag of a list as it is kept, until that gives true.
template <class See>
bool any_tag(std::string_view tags, See see) {
  while (!tags.empty()) {
    const std::string_view tag = tags.substr(0, tags.find(','));
    tags.remove_prefix(std::min(tags.size(), tag.size() + 1));
    const std::size_t equals = std::min(tag.find('='), tag.size() - 1);
    if (see(tag.substr(0, equals), tag.substr(equals + 1))) return true;
  }
  return false;
}

std::string kept(const Tags& tags) {
  std::string text;
  for (const auto& [name, value] : tags)
    fmt::format_to(std::back_inserter(text), "{}{}={}", text.empty() ? "" : ",", name, value);
  return text;
}

}  // namespace

base::Status check_tag_name(std::string_view name, std::string_view field) {
  if (!name.empty() && name.size() <= tag_name_max && is_small_letter(name[0]) && std::ranges::all_of(name, fits_name))
    return {};
  return base::invalid(
      fmt::format("{}: {} is not the name of a tag; it is 1 to {} small letters, digits or '_-.', a letter first",
                  field, shown(name), tag_name_max),
      std::string(field));
}

base::Result<std::string> parse_tags(std::string_view text, std::string_view field) {
  Tags tags;
  std::string_view left = without_spaces_around(text);
  while (!left.empty()) {
    if (tags.size() == tags_max)
      return base::invalid(fmt::format("{}: there are more than {} tags", field, tags_max), std::string(field));
    const std::size_t comma = left.find(',');
    TRY_STATUS(read_tag(without_spaces_around(left.substr(0, comma)), field, tags));
    if (comma == std::string_view::npos) break;
    left.remove_prefix(comma + 1);
    if (without_spaces_around(left).empty())
      return base::invalid(fmt::format("{}: a tag is missing after the last ','", field), std::string(field));
  }
  return kept(tags);
}

base::Result<std::string> parse_tag(std::string_view text, std::string_view field) {
  Tags tags;
  TRY_STATUS(read_tag(text, field, tags));
  return kept(tags);
}

base::Result<std::string> join_tags(std::string_view of_key, std::string_view sent, std::string_view field) {
  if (of_key.empty()) return std::string(sent);
  Tags tags;
  const auto add = [&](std::string_view name, std::string_view value) {
    return tags.emplace(name, value).first->second != value;
  };
  any_tag(of_key, add);
  std::string_view contradicted;
  const bool contradicts = any_tag(sent, [&](std::string_view name, std::string_view value) {
    contradicted = name;
    return add(name, value);
  });
  if (contradicts)
    return base::invalid(fmt::format("{}: the key's tag '{}' is '{}'; a request cannot say another value", field,
                                     contradicted, tags.at(contradicted)),
                         std::string(field));
  return kept(tags);
}

std::optional<std::string_view> find_tag(std::string_view tags, std::string_view name) {
  std::optional<std::string_view> found;
  any_tag(tags, [&](std::string_view one, std::string_view value) {
    if (one == name) found = value;
    return found.has_value();
  });
  return found;
}

bool has_tag(std::string_view tags, std::string_view tag) {
  const std::size_t equals = tag.find('=');
  return equals != std::string_view::npos && find_tag(tags, tag.substr(0, equals)) == tag.substr(equals + 1);
}

}  // namespace catalog
