#include "cli/table.h"

#include <algorithm>

#include "base/assert.h"

namespace cli {
namespace {

constexpr std::string_view gap = "  ";

void append_line(std::string& out, const std::vector<std::string>& cells, const std::vector<std::size_t>& widths,
                 const std::vector<Table::Column>& columns) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::string padding(widths[i] - width_of(cells[i]), ' ');
    if (i > 0) line += gap;
    line += columns[i].align == Align::right ? padding + cells[i] : cells[i] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + "\n";
}

}  // namespace

std::size_t width_of(std::string_view text) {
  const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; };
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

void Table::add(std::vector<std::string> cells) {
  ASSERT(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::to_string() const {
  std::vector<std::string> headings;
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = width_of(columns_[i].heading);
    for (const auto& row : rows_) width = std::max(width, width_of(row[i]));
    widths.push_back(width);
    headings.push_back(columns_[i].heading);
  }
  std::string out;
  append_line(out, headings, widths, columns_);
  for (const auto& row : rows_) append_line(out, row, widths, columns_);
  return out;
}

std::string list_of(const std::vector<std::pair<std::string, std::string>>& values) {
  std::size_t width = 0;
  for (const auto& [name, value] : values) width = std::max(width, width_of(name));
  std::string out;
  for (const auto& [name, value] : values)
    out += name + std::string(width - width_of(name), ' ') + std::string(gap) + value + "\n";
  return out;
}

}  // namespace cli
