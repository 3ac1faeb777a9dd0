#include "admin/query.h"

#include <fmt/format.h>

#include <charconv>

#include "base/ids.h"
#include "base/json.h"

namespace admin {

const Query::Parameters Query::none;

base::Result<std::optional<std::string>> Query::text(std::string_view name) {
  known_.push_back(name);
  std::optional<std::string> found;
  for (const auto& [key, value] : parameters_) {
    if (key != name) continue;
    if (found)
      return base::invalid(fmt::format("the parameter '{}' is given twice; keep one", name), std::string(name));
    if (value.empty()) return base::invalid(fmt::format("the parameter '{}' is empty", name), std::string(name));
    found = value;
  }
  return found;
}

base::Result<std::optional<std::int64_t>> Query::integer(std::string_view name, std::int64_t least, std::int64_t most) {
  TRY(const auto value, text(name));
  if (!value) return std::nullopt;
  std::int64_t number = 0;
  const char* end = value->data() + value->size();
  const auto [stop, error] = std::from_chars(value->data(), end, number);
  if (error != std::errc{} || stop != end || number < least || number > most)
    return base::invalid(fmt::format("the parameter '{}' must be a whole number from {} to {}", name, least, most),
                         std::string(name));
  return number;
}

base::Status Query::finish() const {
  for (const auto& [key, value] : parameters_) {
    if (std::ranges::find(known_, key) != known_.end()) continue;
    const auto near = base::near_miss(key, known_);
    return base::invalid(fmt::format("'{}' is not a parameter of this request{}", key.substr(0, 64),
                                     near ? fmt::format("; did you mean '{}'?", *near) : std::string()),
                         key);
  }
  return {};
}

base::Result<std::size_t> read_limit(Query& query) {
  TRY(const auto limit, query.integer("limit", 1, 1000));
  return limit ? static_cast<std::size_t>(*limit) : Page().limit;
}

base::Result<Page> read_page(Query& query) {
  Page page;
  TRY(page.limit, read_limit(query));
  TRY(const auto cursor, query.text("cursor"));
  if (cursor) {
    const auto id = base::Uuid::parse(*cursor);
    if (!id) return base::invalid("the parameter 'cursor' must be the 'next' of an earlier page", "cursor");
    page.cursor = id->to_string();
  }
  return page;
}

}  // namespace admin
