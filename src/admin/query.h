#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace admin {

// Reads query parameters by name, each at most once; finish() refuses what nobody asked for, with the nearest known
// name.
class Query {
 public:
  using Parameters = std::vector<std::pair<std::string, std::string>>;
  explicit Query(const Parameters& parameters) : parameters_(parameters) {}
  static const Parameters none;

  base::Result<std::optional<std::string>> text(std::string_view name);
  base::Result<std::optional<std::int64_t>> integer(std::string_view name, std::int64_t least, std::int64_t most);
  base::Status finish() const;

 private:
  const Parameters& parameters_;
  std::vector<std::string_view> known_;
};

// A page of a list: at most `limit` items that are older than `cursor`, newest first.
struct Page {
  std::size_t limit = 100;            // 1 to 1000
  std::optional<std::string> cursor;  // the id of the last item of the page before
};
base::Result<Page> read_page(Query& query);
// `limit` alone, of lists whose cursor is no id.
base::Result<std::size_t> read_limit(Query& query);

// The items of the page, newest first, and the cursor of the next one. `items` are in any order and have an `id`,
// whose order is that of creation.
template <class Item>
struct Paged {
  std::vector<const Item*> items;
  std::optional<std::string> next;
};
template <class Item>
Paged<Item> take_page(std::vector<const Item*> items, const Page& page) {
  std::ranges::sort(items, [](const Item* a, const Item* b) { return a->id > b->id; });
  if (page.cursor) std::erase_if(items, [&](const Item* item) { return item->id.to_string() >= *page.cursor; });
  Paged<Item> out{std::move(items), std::nullopt};
  if (out.items.size() > page.limit) {
    out.items.resize(page.limit);
    out.next = out.items.back()->id.to_string();
  }
  return out;
}

}  // namespace admin
