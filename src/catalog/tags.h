#pragma once
// Tags: what a call is for, in the caller's own words, such as "env=prod,team=search". Limits may be for one tag, and
// usage can be added up by one.
//
// A list of tags is kept as one text: "name=value" after "name=value" with a comma between, in the order of the names,
// no name twice. The empty text: none.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace catalog {

inline constexpr std::size_t tags_max = 8;        // that one request sends, or one key has
inline constexpr std::size_t tag_name_max = 32;   // bytes: a-z, 0-9, '_', '-', '.'; the first is a letter
inline constexpr std::size_t tag_value_max = 64;  // bytes: letters, digits, '_', '-', '.', ':', '/', '@', '+'

// Reads a list as it is sent, in any order and with spaces around commas, and gives it as it is kept. invalid_request
// with `field` says what is wrong with which tag. An empty text is none.
base::Result<std::string> parse_tags(std::string_view text, std::string_view field);
// The same for exactly one tag.
base::Result<std::string> parse_tag(std::string_view text, std::string_view field);
// Whether it can be the name of a tag: the same error otherwise.
base::Status check_tag_name(std::string_view name, std::string_view field);

// What a call with these tags has whose key has those. A name to which both give values must have the same one:
// invalid_request with `field` otherwise, for what a key says is the operator's word.
base::Result<std::string> join_tags(std::string_view of_key, std::string_view sent, std::string_view field);

// The value that the list has for a name; nullopt: it does not have it.
std::optional<std::string_view> find_tag(std::string_view tags, std::string_view name);
// Whether the list has this tag, with this value.
bool has_tag(std::string_view tags, std::string_view tag);

}  // namespace catalog
