#include "store/sqlite/usage_row.h"

#include "store/sqlite/enum_text.h"

namespace store::sqlite {
namespace {

constexpr std::string_view exact_text = "exact";
constexpr std::string_view at_least_text = "at_least";

std::optional<std::string_view> certainty_text(const std::optional<meter::Usage>& usage) {
  if (!usage) return std::nullopt;
  return usage->certainty == meter::Certainty::exact ? exact_text : at_least_text;
}

template <class Enum>
std::optional<std::string_view> text_of(const std::optional<Enum>& value) {
  return value ? std::optional(to_string(*value)) : std::nullopt;
}

// The columns of an unknown usage are NULL: they are passed over.
std::optional<meter::Usage> take_tokens(Rows& rows) {
  const auto certainty = rows.take_optional_text();
  meter::Usage usage{.input_tokens = rows.take_optional_integer(),
                     .output_tokens = rows.take_optional_integer(),
                     .cached_input_tokens = rows.take_optional_integer(),
                     .reasoning_tokens = rows.take_optional_integer(),
                     .audio_input_tokens = rows.take_optional_integer(),
                     .audio_output_tokens = rows.take_optional_integer(),
                     .certainty = certainty == exact_text ? meter::Certainty::exact : meter::Certainty::at_least,
                     .cache_write_tokens = rows.take_optional_integer()};
  return certainty ? std::optional(usage) : std::nullopt;
}

}  // namespace

const std::string_view usage_columns =
    "id, started, duration_us, first_byte_us, account_id, key_id, route, upstream, model, served_model, stream, "
    "outcome, status, error, fault, certainty, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, "
    "audio_input_tokens, audio_output_tokens, cache_write_tokens, estimate, cost, price_version";

base::Result<bool> insert_usage(Database& database, const events::UsageRecord& record) {
  static const std::string sql = fmt::format(
      "INSERT INTO usage ({}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?) ON CONFLICT (id) DO NOTHING",
      usage_columns);
  const meter::Usage usage = record.usage.value_or(meter::Usage{});
  TRY(const std::int64_t inserted,
      database.run(sql, record.id, record.started, record.duration_us, record.first_byte_us, record.account, record.key,
                   record.route, record.upstream, record.model, record.served_model, record.stream,
                   to_string(record.outcome), record.status, text_of(record.error), text_of(record.fault),
                   certainty_text(record.usage), usage.input_tokens, usage.output_tokens, usage.cached_input_tokens,
                   usage.reasoning_tokens, usage.audio_input_tokens, usage.audio_output_tokens,
                   usage.cache_write_tokens, record.estimate, record.cost, record.price_version));
  return inserted == 1;
}

base::Status insert_holds(Database& database, const events::UsageRecord& record) {
  std::int64_t position = 0;
  for (const events::Hold& hold : record.holds)
    TRY_STATUS(
        database.run("INSERT INTO holds (exchange_id, position, limit_id, window_start, reserved, spent, "
                     "unresolved) VALUES (?, ?, ?, ?, ?, ?, ?)",
                     record.id, position++, hold.limit, hold.window_start, hold.reserved, hold.spent, hold.unresolved));
  return {};
}

base::Result<events::UsageRecord> take_usage(Rows& rows) {
  events::UsageRecord record;
  record.id = rows.take_id<base::ExchangeId>();
  record.started = rows.take_time();
  record.duration_us = rows.take_integer();
  record.first_byte_us = rows.take_integer();
  record.account = rows.take_id<base::AccountId>();
  record.key = rows.take_id<base::KeyId>();
  record.route = rows.take_text();
  record.upstream = rows.take_text();
  record.model = rows.take_text();
  record.served_model = rows.take_text();
  record.stream = rows.take_flag();
  TRY(record.outcome, enum_from(rows.take_text(), events::Outcome::unaccounted, "usage.outcome"));
  record.status = static_cast<int>(rows.take_integer());
  if (const auto error = rows.take_optional_text()) {
    TRY(record.error, enum_from(*error, base::ErrorType::internal, "usage.error"));
  }
  if (const auto fault = rows.take_optional_text()) {
    TRY(record.fault, enum_from(*fault, base::Source::store, "usage.fault"));
  }
  record.usage = take_tokens(rows);
  record.estimate = rows.take_money();
  record.cost = rows.take_money();
  record.price_version = rows.take_text();
  return record;
}

base::Result<std::vector<events::Hold>> read_holds(Database& database, base::ExchangeId id) {
  TRY(auto rows, database.query("SELECT limit_id, window_start, reserved, spent, unresolved FROM holds "
                                "WHERE exchange_id = ? ORDER BY position",
                                id));
  std::vector<events::Hold> holds;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return holds;
    // A braced list is read from left to right, as the columns are.
    holds.push_back({.limit = rows.take_id<base::LimitId>(),
                     .window_start = rows.take_time(),
                     .reserved = rows.take_integer(),
                     .spent = rows.take_integer(),
                     .unresolved = rows.take_integer()});
  }
}

}  // namespace store::sqlite
