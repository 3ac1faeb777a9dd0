#include "catalog/book_name.h"

#include <functional>
#include <mutex>
#include <set>

namespace catalog {

BookName BookName::of(std::string_view text) {
  static std::mutex adding;
  static std::set<std::string, std::less<>> names;
  BookName name;
  if (text.empty()) return name;
  const std::lock_guard lock(adding);
  auto found = names.find(text);
  if (found == names.end()) found = names.emplace(text).first;
  name.text_ = &*found;
  return name;
}

}  // namespace catalog
