#pragma once
// simdjson's DOM for the data path: a thread's parser is kept and reused, so that a message of the usual size costs no
// allocation. The DOM checks the whole text and keeps duplicate keys, which On-Demand does not (performance.md §8, 9).

#include <simdjson.h>

#include <cstddef>
#include <optional>
#include <string_view>

namespace meter {

// One parsed text. At most one lives per thread at a time.
class JsonDocument {
 public:
  // `padded` has simdjson::SIMDJSON_PADDING readable bytes behind it.
  explicit JsonDocument(std::string_view padded) {
    simdjson::dom::parser& parser = padded.size() <= largest_kept_bytes ? kept() : own_.emplace();
    error_ = padded.empty() ? simdjson::EMPTY : parser.parse(padded.data(), padded.size(), false).get(root_);
  }
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  simdjson::error_code error() const { return error_; }
  // The text's object; nullopt if it is not JSON or something else. Its strings live as long as the document.
  std::optional<simdjson::dom::object> object() const {
    simdjson::dom::object object;
    if (error_ != simdjson::SUCCESS || root_.get(object) != simdjson::SUCCESS) return std::nullopt;
    return object;
  }

 private:
  // A parser keeps some ten times the largest text it has seen; what is larger than this gets one of its own.
  static constexpr std::size_t largest_kept_bytes = 1 << 16;

  static simdjson::dom::parser& kept() {
    thread_local simdjson::dom::parser parser;
    return parser;
  }

  std::optional<simdjson::dom::parser> own_;
  simdjson::dom::element root_;
  simdjson::error_code error_ = simdjson::EMPTY;
};

// The value as a T, or nullopt: simdjson's errors without its exceptions.
template <class T>
std::optional<T> get_if(const simdjson::dom::element& value) {
  T out;
  if (value.get(out) != simdjson::SUCCESS) return std::nullopt;
  return out;
}

}  // namespace meter
