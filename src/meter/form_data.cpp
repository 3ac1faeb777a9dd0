#include "meter/form_data.h"

#include <algorithm>

namespace meter {
namespace {

using base::invalid;

constexpr std::size_t most_parts = 128;
constexpr std::string_view line_end = "\r\n";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool begins_with_name(std::string_view line, std::string_view lower_name) {
  return line.size() >= lower_name.size() &&
         std::ranges::equal(line.substr(0, lower_name.size()), lower_name, {}, lower);
}

// name="…" of a Content-Disposition; empty if there is none, two, or one with an escape.
std::string_view name_in(std::string_view head) {
  std::string_view found;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find(line_end), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(head.size(), end + line_end.size()));
    if (!begins_with_name(line, "content-disposition:")) continue;
    constexpr std::string_view mark = " name=\"";
    const std::size_t at = line.find(mark);
    if (!found.empty() || at == std::string_view::npos) return {};
    const std::string_view rest = line.substr(at + mark.size());
    if (rest.find(mark) != std::string_view::npos) return {};
    found = rest.substr(0, std::min(rest.find('"'), rest.size()));
    if (found.find_first_of("\\%") != std::string_view::npos) return {};
  }
  return found;
}

}  // namespace

base::Result<std::vector<FormPart>> read_form(std::string_view body) {
  const std::size_t first = body.find(line_end);
  if (!body.starts_with("--") || first == std::string_view::npos || first > 74)
    return invalid("the body must be a multipart form");
  const std::string between = std::string(line_end) + std::string(body.substr(0, first));
  std::vector<FormPart> parts;
  std::string_view rest = body.substr(first);
  for (;;) {
    // Behind a boundary: the end, or a line end and the next part.
    if (rest.starts_with("--")) return parts;
    if (!rest.starts_with(line_end) || parts.size() == most_parts) return invalid("the body is no multipart form");
    rest.remove_prefix(line_end.size());
    const std::size_t head = rest.find("\r\n\r\n");
    const std::size_t end = rest.find(between);
    if (head == std::string_view::npos || end == std::string_view::npos || head + 4 > end + 2)
      return invalid("the body is no multipart form");
    const std::string_view name = name_in(rest.substr(0, head));
    if (name.empty()) return invalid("each part of the form needs a plain name");
    parts.push_back({.name = name, .content = rest.substr(std::min(head + 4, end), end - std::min(head + 4, end))});
    rest.remove_prefix(end + between.size());
  }
}

bool is_form_of(std::string_view content_type, std::string_view body) {
  constexpr std::string_view mark = "boundary=";
  std::string text(content_type);
  std::ranges::transform(text, text.begin(), lower);
  const std::size_t at = text.find(mark);
  if (!text.starts_with("multipart/form-data") || at == std::string::npos ||
      text.find(mark, at + 1) != std::string::npos || text.contains("boundary*"))
    return false;
  std::string_view boundary = content_type.substr(at + mark.size());
  boundary = boundary.substr(0, boundary.find(';'));
  if (boundary.size() > 2 && boundary.starts_with('"') && boundary.ends_with('"'))
    boundary = boundary.substr(1, boundary.size() - 2);
  if (boundary.empty() || boundary.find_first_of("\" \t\\") != std::string_view::npos || !body.starts_with("--"))
    return false;
  body.remove_prefix(2);
  return body.starts_with(boundary) && body.substr(boundary.size()).starts_with(line_end);
}

}  // namespace meter
