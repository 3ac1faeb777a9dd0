#pragma once

#include <string>
#include <string_view>

namespace catalog {

// Which price book prices an account's calls, by its name in the configuration. There is one text of each name in this
// process, so that a name costs an account a pointer, and to compare two costs nothing. Thread-safe.
class BookName {
 public:
  BookName() = default;  // none: what the account above says, and at the top default_book
  // The text is kept for as long as the process lives: only names that were checked, or stored.
  static BookName of(std::string_view text);

  bool is_none() const { return text_ == nullptr; }
  std::string_view text() const { return text_ == nullptr ? std::string_view() : *text_; }  // empty if none
  bool operator==(const BookName&) const = default;

 private:
  const std::string* text_ = nullptr;
};

// The book that `prices.file` and `prices.overrides` make, by name.
inline constexpr std::string_view default_book = "default";

}  // namespace catalog
