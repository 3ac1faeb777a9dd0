#include "store/sqlite/backup.h"

#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "base/private_files.h"
#include "store/sqlite/database.h"
#include "store/sqlite/schema.h"

namespace store::sqlite {
namespace {

namespace fs = std::filesystem;

fs::path beside(const fs::path& path, std::string_view ending) { return fs::path(path.string() + std::string(ending)); }

// A file that is gone when this goes.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) { remove(); }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() { remove(); }
  const fs::path& path() const { return path_; }

 private:
  void remove() const {
    std::error_code ignored;
    for (const char* ending : {"", "-wal", "-shm"}) fs::remove(beside(path_, ending), ignored);
  }
  const fs::path path_;
};

base::Status sync(const fs::path& path) {
  TRY(const base::FileDescriptor file, base::open_private_file(path));
  return base::sync_file_and_name(file, path);
}

base::Result<std::string> one_text(Database& database, std::string_view sql) {
  TRY(Rows rows, database.query(sql));
  TRY(const bool found, rows.next());
  return found ? rows.take_text() : std::string();
}

std::unexpected<base::Error> no_backup(const fs::path& path, std::string_view why) {
  return base::fail(base::ErrorType::invalid_request, fmt::format("{} {}", path.string(), why), "file",
                    base::Source::client);
}

// Whether the copy is a whole database of ours; brings it to this program's schema.
base::Status check_copy(const fs::path& copy, const fs::path& backup) {
  auto database = Database::open(copy, Database::Access::read_write);
  if (!database) return no_backup(backup, fmt::format("is no database: {}", database.error().message));
  TRY(const std::string version, one_text(*database, "PRAGMA user_version"));
  if (version == "0" || version.empty()) return no_backup(backup, "is no backup of Metergate's: it holds no schema");
  TRY(const std::string whole, one_text(*database, "PRAGMA quick_check(1)"));
  if (whole != "ok") return no_backup(backup, fmt::format("is damaged: {}", whole));
  if (auto migrated = migrate(*database); !migrated)
    return base::fail(std::move(migrated).error().in(fmt::format("restoring {}", backup.string())));
  return {};
}

// A name that nothing has yet: metergate.db.replaced-1, -2 …
fs::path free_name(const fs::path& database) {
  std::error_code ignored;
  for (int number = 1;; ++number)
    if (auto name = beside(database, fmt::format(".replaced-{}", number)); !fs::exists(name, ignored)) return name;
}

}  // namespace

base::Status back_up(const fs::path& database, const fs::path& to) {
  std::error_code error;
  if (fs::exists(to, error))
    return base::fail(base::ErrorType::conflict, fmt::format("{} exists; a backup overwrites nothing", to.string()),
                      "file", base::Source::client);
  const Temporary partial(beside(to, ".partial"));
  {
    // Made first, so that nobody else may ever read it. SQLite takes an empty file.
    TRY(const base::FileDescriptor file, base::open_private_file(partial.path()));
    TRY(Database source, Database::open(database, Database::Access::read_only));
    TRY_STATUS(source.run("VACUUM INTO ?", partial.path().string()));
    TRY_STATUS(base::sync_file_and_name(file, partial.path()));
  }
  // A link refuses a name that somebody took meanwhile; a rename would not.
  if (::link(partial.path().c_str(), to.c_str()) != 0) return base::system_failure("creating", to);
  return sync(to);
}

base::Result<fs::path> put_back(const fs::path& backup, const fs::path& database) {
  std::error_code error;
  if (!fs::is_regular_file(backup, error)) return no_backup(backup, "is no file that can be read");
  if (fs::exists(beside(backup, "-wal"), error))
    return no_backup(backup, "has a write-ahead log beside it, so it is in use or was killed; name a backup");
  const Temporary copy(beside(database, ".restoring"));
  TRY_STATUS(base::open_private_file(copy.path()));
  fs::copy_file(backup, copy.path(), fs::copy_options::overwrite_existing, error);
  if (error) return no_backup(backup, fmt::format("cannot be copied: {}", error.message()));
  fs::permissions(copy.path(), fs::perms::owner_read | fs::perms::owner_write, error);
  TRY_STATUS(check_copy(copy.path(), backup));
  TRY_STATUS(sync(copy.path()));

  fs::path kept;
  if (fs::exists(database, error)) {
    kept = free_name(database);
    // The log first: a log beside a database that is not its own would be played into it.
    for (const char* ending : {"-wal", "-shm"})
      if (fs::exists(beside(database, ending), error))
        if (::rename(beside(database, ending).c_str(), beside(kept, ending).c_str()) != 0)
          return base::system_failure("moving away", beside(database, ending));
    if (::link(database.c_str(), kept.c_str()) != 0) return base::system_failure("keeping", database);
  }
  if (::rename(copy.path().c_str(), database.c_str()) != 0) return base::system_failure("replacing", database);
  TRY_STATUS(sync(database));
  return kept;
}

}  // namespace store::sqlite
