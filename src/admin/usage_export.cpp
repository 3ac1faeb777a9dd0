// Usage records as one file, page by page, so that it takes the same memory however many there are.
#include <boost/json/serialize.hpp>
#include <utility>

#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/usage_query.h"
#include "base/utf8.h"

namespace admin {
namespace {

namespace json = boost::json;

constexpr int records_a_piece = 500;
// In this order; those of a usage come behind them.
constexpr std::string_view columns[] = {"id",       "started", "duration_us",   "first_byte_us", "account",
                                        "key",      "route",   "upstream",      "model",         "served_model",
                                        "stream",   "outcome", "status",        "error",         "fault",
                                        "estimate", "cost",    "price_version", "tags"};

// RFC 4180. A text that a spreadsheet would run as a formula is made one that it shows.
std::string cell_of(const json::value& value) {
  if (value.is_null()) return {};
  if (!value.is_string()) return json::serialize(value);
  std::string text(std::string_view(value.get_string()));
  if (!text.empty() && std::string_view("=+@-\t\r").contains(text[0])) text.insert(0, 1, '\'');
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::string csv_head() {
  std::string line;
  for (const std::string_view column : columns) line.append(column).append(",");
  for (const auto& [name, count] : meter::usage_counts) line.append(name).append(",");
  return line + "certainty,provider_cost\r\n";
}

std::string csv_line(const json::object& record) {
  std::string line;
  for (const std::string_view column : columns) line.append(cell_of(record.at(column))).append(",");
  const json::value& usage = record.at("usage");
  const auto of_usage = [&](std::string_view name) {
    return usage.is_object() ? cell_of(usage.get_object().at(name)) : std::string();
  };
  for (const auto& [name, count] : meter::usage_counts) line.append(of_usage(name)).append(",");
  return line + of_usage("certainty") + "," + of_usage("provider_cost") + "\r\n";
}

enum class Format : std::uint8_t { csv, json };

class UsageExport final : public BodyStream {
 public:
  UsageExport(Services& services, events::UsageFilter filter, Format format)
      : services_(services), filter_(std::move(filter)), format_(format) {
    filter_.limit = records_a_piece;
  }

  std::int64_t step_ms() const override { return 0; }
  base::Result<std::optional<std::string>> due() override {
    if (over_) return std::nullopt;
    TRY(const auto records, services_.usage.records(filter_));
    const auto snapshot = services_.catalog.current();
    std::string bytes;
    for (const events::UsageRecord& record : records) {
      const json::object object = to_json(record, *snapshot);
      if (format_ == Format::csv) {
        bytes += base::valid_utf8(csv_line(object));
      } else {
        bytes += std::exchange(first_, false) ? "\n" : ",\n";
        bytes += base::valid_utf8(json::serialize(object));
      }
    }
    over_ = records.size() < static_cast<std::size_t>(records_a_piece);
    if (!records.empty()) filter_.before = records.back().id;
    if (over_ && format_ == Format::json) bytes += "\n]\n";
    return bytes;
  }

 private:
  Services& services_;
  events::UsageFilter filter_;
  const Format format_;
  bool first_ = true;
  bool over_ = false;
};

base::Result<Format> read_format(Query& query) {
  TRY(const auto text, query.text("format"));
  if (!text || *text == "csv") return Format::csv;
  if (*text == "json") return Format::json;
  return base::invalid("the parameter 'format' must be csv or json", "format");
}

}  // namespace

base::Result<Response> export_usage(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const Format format, read_format(call.query));
  TRY(auto filter, read_usage_filter(call, *snapshot));
  TRY_STATUS(call.query.finish());
  const bool csv = format == Format::csv;
  Response response{200,
                    csv ? "text/csv; charset=utf-8; header=present" : "application/json",
                    csv ? csv_head() : std::string("["),
                    {}};
  response.headers.emplace_back("Content-Disposition",
                                csv ? "attachment; filename=\"usage.csv\"" : "attachment; filename=\"usage.json\"");
  response.stream = std::make_shared<UsageExport>(services, std::move(filter), format);
  return response;
}

}  // namespace admin
