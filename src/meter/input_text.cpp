#include "meter/input_text.h"

#include <algorithm>
#include <array>

namespace meter {
namespace {

namespace dom = simdjson::dom;

// Members that say what a part is, and are no text that a model reads.
constexpr std::array not_text{
    std::string_view("type"),          std::string_view("id"),           std::string_view("tool_use_id"),
    std::string_view("toolUseId"),     std::string_view("tool_call_id"), std::string_view("call_id"),
    std::string_view("cache_control"), std::string_view("cachePoint"),   std::string_view("image_url"),
    std::string_view("inlineData"),    std::string_view("inline_data"),  std::string_view("mimeType"),
    std::string_view("mime_type"),     std::string_view("status"),       std::string_view("input_audio"),
    std::string_view("bytes"),         std::string_view("media_type")};
// Members that hold what a tool was called with, or what it answered: written for the model as JSON.
constexpr std::array call_members{std::string_view("input"),         std::string_view("args"),
                                  std::string_view("json"),          std::string_view("response"),
                                  std::string_view("functionCall"),  std::string_view("functionResponse"),
                                  std::string_view("toolUse"),       std::string_view("toolResult"),
                                  std::string_view("function_call"), std::string_view("function")};

// Few names of a body stand in a list: by its size and its first letter nearly every other one is known not to.
class Names {
 public:
  explicit constexpr Names(std::span<const std::string_view> names) : names_(names) {
    for (const std::string_view name : names) slots_ |= slot_of(name);
  }
  constexpr bool contains(std::string_view name) const {
    return (slots_ & slot_of(name)) != 0 && std::ranges::find(names_, name) != names_.end();
  }

 private:
  static constexpr std::uint64_t slot_of(std::string_view name) {
    const std::size_t letter = name.empty() ? 0 : static_cast<unsigned char>(name.front());
    return std::uint64_t{1} << (letter + 5 * name.size()) % 64;
  }
  std::span<const std::string_view> names_;
  std::uint64_t slots_ = 0;
};
constexpr Names names_without_text(not_text);
constexpr Names names_of_calls(call_members);

constexpr int deepest = 64;  // below that, the bytes are the bound

void collect(dom::element value, InputText& input, bool in_call, int depth);

// Bytes of an image or a document, as far as the object says so, and says nothing else beside.
bool holds_base64(const dom::object& object) {
  int types = 0;
  bool base64 = false;
  for (const auto& field : object) {
    if (field.key != "type") continue;
    ++types;
    base64 = get_if<std::string_view>(field.value) == "base64";
  }
  return types == 1 && base64;
}

void collect_members(const dom::object& object, InputText& input, bool in_call, int depth) {
  for (const auto& field : object) {
    if (!in_call && field.key == "data" && holds_base64(object)) continue;
    if (!in_call && (field.key == "cache_control" || field.key == "cachePoint"))
      input.cache_marks.push_back(field.value);
    if (input.only_marks && !field.value.is_object() && !field.value.is_array()) continue;
    if (in_call) {
      input.texts.push_back(field.key);
      input.scalars += 4;  // quotes, a colon and a comma
    } else if (names_without_text.contains(field.key)) {
      continue;
    }
    const bool is_call = names_of_calls.contains(field.key) && !field.value.is_string();
    if (is_call && !in_call) ++input.calls;
    collect(field.value, input, in_call || is_call, depth + 1);
  }
}

void collect(dom::element value, InputText& input, bool in_call, int depth) {
  if (depth > deepest) {
    input.unbounded_by_count = true;
    return;
  }
  if (const auto text = get_if<std::string_view>(value)) {
    if (!input.only_marks) input.texts.push_back(*text);
  } else if (const auto object = get_if<dom::object>(value)) {
    input.scalars += in_call ? 2 : 0;
    collect_members(*object, input, in_call, depth);
  } else if (const auto list = get_if<dom::array>(value)) {
    for (const dom::element item : *list) collect(item, input, in_call, depth + 1);
  } else if (!value.is_null()) {
    input.scalars += 8;  // a number has at most some twenty digits, three to a token
  }
}

}  // namespace

void collect_text(dom::element value, InputText& input) { collect(value, input, false, 0); }

void collect_unknown(dom::element value, InputText& input) {
  if (value.is_string() || value.is_object() || value.is_array()) collect(value, input, true, 0);
}

}  // namespace meter
