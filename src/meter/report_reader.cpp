#include "meter/report_reader.h"

#include "base/json.h"
#include "meter/stated_cost.h"

namespace meter {

std::optional<std::int64_t> billionths_of(std::string_view number) {
  const auto decimal = plain_decimal(number);
  const auto units = decimal ? money_above(*decimal) : std::nullopt;
  return units ? std::optional(units->nanos()) : std::nullopt;
}

ReportReader::ReportReader(std::string_view member) : member_(member), paths_{member}, sieve_(paths_) {}

void ReportReader::feed(std::string_view bytes) {
  sieve_.feed(bytes, [this](std::string_view kept) { read(kept); });
}

// The last object of a series counts, as a usage does.
void ReportReader::read(std::string_view kept) {
  found_.reset();
  const auto parsed = base::Json::parse(kept);
  const base::Json* at = parsed ? &*parsed : nullptr;
  for (std::string_view way = member_; at != nullptr && !way.empty();) {
    const std::size_t end = std::min(way.find('.'), way.size());
    at = at->find(way.substr(0, end));
    way.remove_prefix(std::min(end + 1, way.size()));
  }
  if (at != nullptr) found_ = billionths_of(at->text());
}

}  // namespace meter
