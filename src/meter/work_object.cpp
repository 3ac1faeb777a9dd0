#include "meter/work_object.h"

#include <algorithm>

#include "meter/json_document.h"

namespace meter {
namespace {

constexpr std::size_t longest_id = 256;

WorkStatus status_of(std::string_view text) {
  for (const std::string_view word : {"queued", "in_progress", "validating", "finalizing", "cancelling"})
    if (text == word) return WorkStatus::running;
  for (const std::string_view word : {"completed", "failed", "cancelled", "incomplete", "expired"})
    if (text == word) return WorkStatus::ended;
  return WorkStatus::unknown;
}

// RFC 3986, 2.3: nothing of it is escaped or means anything in a path.
bool is_plain(std::string_view id) {
  return !id.empty() && id.size() <= longest_id && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
           c == '.' || c == '~';
  });
}

}  // namespace

std::optional<WorkObject> read_work_object(std::string_view padded) {
  const JsonDocument document(padded);
  const auto object = document.object();
  if (!object) return std::nullopt;
  const auto text = [&](std::string_view name) {
    std::string_view value;
    return object->at_key(name).get(value) == simdjson::SUCCESS ? std::string(value) : std::string();
  };
  WorkObject out{.id = text("id"), .status_text = text("status")};
  if (!is_plain(out.id)) return std::nullopt;
  out.status = status_of(out.status_text);
  if (const auto file = text("output_file_id"); is_plain(file)) out.output_file = file;
  if (const auto file = text("error_file_id"); is_plain(file)) out.error_file = file;
  std::int64_t served = 0;
  if (object->at_pointer("/request_counts/completed").get(served) == simdjson::SUCCESS) out.served = served;
  return out;
}

}  // namespace meter
