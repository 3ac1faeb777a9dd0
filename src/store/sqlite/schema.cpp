// The migrations as they stand in schema/, put into the binary by the assembler: METERGATE_SCHEMA_0001 is the path of
// the first, and cmake/embed.cmake makes a change of it rebuild this file.
#include "store/sqlite/schema.h"

#include <fmt/format.h>

#include <string_view>

// clang-format off
asm(R"(
  .section .rodata
  .global metergate_schema_0001
  .global metergate_schema_0001_end
metergate_schema_0001:
  .incbin ")" METERGATE_SCHEMA_0001 R"("
metergate_schema_0001_end:
  .byte 0
  .previous
)");
// clang-format on

extern "C" {
extern const char metergate_schema_0001[];
extern const char metergate_schema_0001_end[];
}

namespace store::sqlite {
namespace {

constexpr std::int64_t application_id = 0x6D676174;  // "mgat"

// The migration that leads to version i + 1 is at i.
std::vector<std::string_view> migrations() { return {{metergate_schema_0001, metergate_schema_0001_end}}; }

base::Result<std::int64_t> number(Database& database, std::string_view sql) {
  TRY(auto rows, database.query(sql));
  TRY(const bool found, rows.next());
  return found ? rows.take_integer() : 0;
}

std::unexpected<base::Error> refuse(const Database& database, std::string_view why) {
  return base::fail(base::ErrorType::unavailable, fmt::format("{} {}", database.path().string(), why), {},
                    base::Source::store);
}

}  // namespace

base::Status migrate(Database& database) {
  TRY(auto transaction, Transaction::begin(database));
  TRY(const std::int64_t owner, number(database, "PRAGMA application_id"));
  TRY(const std::int64_t version, number(database, "PRAGMA user_version"));
  TRY(const std::int64_t objects, number(database, "SELECT count(*) FROM sqlite_schema"));
  if (owner != application_id && (owner != 0 || version != 0 || objects != 0))
    return refuse(database, "is a database, but not Metergate's; choose another data folder");

  const auto steps = migrations();
  const auto newest = static_cast<std::int64_t>(steps.size());
  if (version > newest)
    return refuse(database, fmt::format("was written by a newer Metergate (schema {}, this one knows {}); update first",
                                        version, newest));
  if (version == newest) return {};
  for (std::int64_t next = version; next < newest; ++next)
    TRY_STATUS(database.execute(steps[static_cast<std::size_t>(next)]));
  TRY_STATUS(
      database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", application_id, newest)));
  return transaction.commit();
}

}  // namespace store::sqlite
