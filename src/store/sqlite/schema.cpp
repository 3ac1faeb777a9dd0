// The migrations as they stand in schema/, put into the binary by the assembler: METERGATE_SCHEMA_0001 is the path of
// the first and so on, and cmake/embed.cmake makes a change of one rebuild this file.
#include "store/sqlite/schema.h"

#include <fmt/format.h>

#include <string_view>

#include "store/sqlite/unresolved.h"
#include "store/sqlite/usage_rollup.h"

// clang-format off
#define EMBEDDED(name, path) \
  asm(".section .rodata\n"                                        \
      ".global " #name "\n" ".global " #name "_end\n"             \
      #name ":\n" ".incbin \"" path "\"\n"                        \
      #name "_end:\n" ".byte 0\n" ".previous\n");                 \
  extern "C" {                                                    \
  extern const char name[];                                       \
  extern const char name##_end[];                                 \
  }
EMBEDDED(metergate_schema_0001, METERGATE_SCHEMA_0001)
EMBEDDED(metergate_schema_0002, METERGATE_SCHEMA_0002)
EMBEDDED(metergate_schema_0003, METERGATE_SCHEMA_0003)
EMBEDDED(metergate_schema_0004, METERGATE_SCHEMA_0004)
EMBEDDED(metergate_schema_0005, METERGATE_SCHEMA_0005)
EMBEDDED(metergate_schema_0006, METERGATE_SCHEMA_0006)
EMBEDDED(metergate_schema_0007, METERGATE_SCHEMA_0007)
EMBEDDED(metergate_schema_0008, METERGATE_SCHEMA_0008)
EMBEDDED(metergate_schema_0009, METERGATE_SCHEMA_0009)
EMBEDDED(metergate_schema_0010, METERGATE_SCHEMA_0010)
EMBEDDED(metergate_schema_0011, METERGATE_SCHEMA_0011)
EMBEDDED(metergate_schema_0012, METERGATE_SCHEMA_0012)
EMBEDDED(metergate_schema_0013, METERGATE_SCHEMA_0013)
EMBEDDED(metergate_schema_0014, METERGATE_SCHEMA_0014)
EMBEDDED(metergate_schema_0015, METERGATE_SCHEMA_0015)
EMBEDDED(metergate_schema_0016, METERGATE_SCHEMA_0016)
EMBEDDED(metergate_schema_0017, METERGATE_SCHEMA_0017)
EMBEDDED(metergate_schema_0018, METERGATE_SCHEMA_0018)
EMBEDDED(metergate_schema_0019, METERGATE_SCHEMA_0019)
EMBEDDED(metergate_schema_0020, METERGATE_SCHEMA_0020)
EMBEDDED(metergate_schema_0021, METERGATE_SCHEMA_0021)
EMBEDDED(metergate_schema_0022, METERGATE_SCHEMA_0022)
EMBEDDED(metergate_schema_0023, METERGATE_SCHEMA_0023)
#undef EMBEDDED
// clang-format on

namespace store::sqlite {
namespace {

constexpr std::int64_t application_id = 0x6D676174;  // "mgat"

struct Migration {
  std::string_view script;
  base::Status (*then)(Database&) = nullptr;  // what SQL cannot do
};

// The migration that leads to version i + 1 is at i.
std::vector<Migration> migrations() {
  return {{.script = {metergate_schema_0001, metergate_schema_0001_end}},
          {.script = {metergate_schema_0002, metergate_schema_0002_end}},
          {.script = {metergate_schema_0003, metergate_schema_0003_end}},
          {.script = {metergate_schema_0004, metergate_schema_0004_end}},
          {.script = {metergate_schema_0005, metergate_schema_0005_end}, .then = note_all_unresolved},
          {.script = {metergate_schema_0006, metergate_schema_0006_end}},
          {.script = {metergate_schema_0007, metergate_schema_0007_end}},
          {.script = {metergate_schema_0008, metergate_schema_0008_end}},
          {.script = {metergate_schema_0009, metergate_schema_0009_end}},
          {.script = {metergate_schema_0010, metergate_schema_0010_end}},
          {.script = {metergate_schema_0011, metergate_schema_0011_end}},
          {.script = {metergate_schema_0012, metergate_schema_0012_end}},
          {.script = {metergate_schema_0013, metergate_schema_0013_end}},
          {.script = {metergate_schema_0014, metergate_schema_0014_end}},
          {.script = {metergate_schema_0015, metergate_schema_0015_end}},
          {.script = {metergate_schema_0016, metergate_schema_0016_end}},
          {.script = {metergate_schema_0017, metergate_schema_0017_end}},
          {.script = {metergate_schema_0018, metergate_schema_0018_end}, .then = roll_up_all},
          {.script = {metergate_schema_0019, metergate_schema_0019_end}},
          {.script = {metergate_schema_0020, metergate_schema_0020_end}},
          {.script = {metergate_schema_0021, metergate_schema_0021_end}},
          {.script = {metergate_schema_0022, metergate_schema_0022_end}},
          {.script = {metergate_schema_0023, metergate_schema_0023_end}}};
}

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

base::Status migrate(Database& database, std::optional<std::int64_t> version_wanted) {
  TRY(auto transaction, Transaction::begin(database));
  TRY(const std::int64_t owner, number(database, "PRAGMA application_id"));
  TRY(const std::int64_t version, number(database, "PRAGMA user_version"));
  TRY(const std::int64_t objects, number(database, "SELECT count(*) FROM sqlite_schema"));
  if (owner != application_id && (owner != 0 || version != 0 || objects != 0))
    return refuse(database, "is a database, but not Metergate's; choose another data folder");

  const auto steps = migrations();
  const auto newest = version_wanted.value_or(static_cast<std::int64_t>(steps.size()));
  if (version > newest)
    return refuse(database, fmt::format("was written by a newer Metergate (schema {}, this one knows {}); update first",
                                        version, newest));
  if (version == newest) return {};
  for (std::int64_t next = version; next < newest; ++next) {
    const Migration& step = steps[static_cast<std::size_t>(next)];
    TRY_STATUS(database.execute(step.script));
    if (step.then != nullptr) TRY_STATUS(step.then(database));
  }
  TRY_STATUS(
      database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", application_id, newest)));
  return transaction.commit();
}

}  // namespace store::sqlite
