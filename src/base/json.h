#pragma once
// Strict JSON for the control plane and for files: the whole text is read and checked, duplicate keys are refused, and
// a number keeps its text, so that an amount is never seen through a double. The data path reads with simdjson
// directly (meter/), where speed matters; JSON is written with Boost.JSON.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace base {

class Json {
 public:
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
  using Member = std::pair<std::string, Json>;

  // At most 64 levels deep. The error names the place by line, or the path of a duplicate key.
  static Result<Json> parse(std::string_view text);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_object() const { return kind_ == Kind::object; }
  // The text of a number as written, or the content of a string.
  const std::string& text() const { return text_; }
  bool boolean() const { return text_ == "true"; }
  std::span<const Json> items() const { return items_; }
  std::span<const Member> members() const { return members_; }
  // The member's value, or nullptr; a null member counts as absent.
  const Json* find(std::string_view key) const;

 private:
  friend class JsonBuilder;
  Kind kind_ = Kind::null;
  std::string text_;
  std::vector<Json> items_;
  std::vector<Member> members_;
};

// Reads an object's members by name and type; finish() refuses what nobody asked for, with the nearest known name.
// Each error carries the path of its field.
class JsonFields {
 public:
  static Result<JsonFields> of(const Json& object, std::string path = {});

  Result<std::optional<std::string>> string(std::string_view key);
  // A string or a number, as text: how amounts and prices are written ("0.25" or 0.25).
  Result<std::optional<std::string>> decimal(std::string_view key);
  Result<std::optional<std::int64_t>> integer(std::string_view key);
  Result<std::optional<bool>> boolean(std::string_view key);
  Result<std::optional<std::vector<std::string>>> strings(std::string_view key);
  // Any value, for the caller to read on; nullptr if absent.
  const Json* any(std::string_view key);
  Result<std::string> required_string(std::string_view key);

  Status finish() const;
  std::string path_of(std::string_view key) const;

 private:
  const Json* object_ = nullptr;
  std::string path_;
  std::vector<std::string_view> known_;
};

// The candidate nearest to `word` by edit distance, if it is near enough to be a slip of the pen.
std::optional<std::string_view> near_miss(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace base
