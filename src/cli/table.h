#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

enum class Align : std::uint8_t { left, right };

// Rows of text in aligned columns, for people: headings above, two spaces between, nothing at the end of a line.
class Table {
 public:
  struct Column {
    std::string heading;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell for each column.
  void add(std::vector<std::string> cells);
  std::string to_string() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Names and values of one thing, the values below each other.
std::string list_of(const std::vector<std::pair<std::string, std::string>>& values);

// How many columns a text takes on a terminal: its characters, each taken for one.
std::size_t width_of(std::string_view text);

}  // namespace cli
