#include "store/sqlite/sqlite_store.h"

#include <fmt/format.h>

#include "base/private_files.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/transfers.h"

namespace store {

using sqlite::Database;

base::Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& path,
                                                             const sqlite::UsageSizes& sizes) {
  TRY_STATUS(base::create_private_folder(path.parent_path()));
  {
    // SQLite gives its -wal and -shm files the mode of the file that it finds.
    TRY(const base::FileDescriptor file, base::open_private_file(path));
    TRY_STATUS(base::sync_file_and_name(file, path));
  }
  TRY(Database writer, Database::open(path, Database::Access::read_write));
  TRY_STATUS(sqlite::migrate(writer));
  TRY(Database reader, Database::open(path, Database::Access::read_only));
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(writer), std::move(reader), sizes));
  TRY(store->grant_accounts_, sqlite::read_grant_accounts(store->writer_));
  TRY(store->next_quote_end_, store->stored_next_quote_end());
  TRY(store->checkpointer_, sqlite::Checkpointer::start(store->writer_, store->writer_mutex_));
  return store;
}

base::Status SqliteStore::back_up(const std::filesystem::path& to) const { return sqlite::back_up(writer_.path(), to); }

base::Status SqliteStore::put_secret(std::string_view name, const SealedSecret& sealed) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(
      writer_.run("INSERT INTO upstream_secrets (name, sealed) VALUES (?1, ?2) "
                  "ON CONFLICT DO UPDATE SET sealed = ?2",
                  name, sqlite::Blob{sealed.bytes}));
  return {};
}

base::Result<std::optional<SealedSecret>> SqliteStore::get_secret(std::string_view name) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto rows, writer_.query("SELECT sealed FROM upstream_secrets WHERE name = ?", name));
  TRY(const bool found, rows.next());
  if (!found) return std::nullopt;
  return SealedSecret{rows.take_blob()};
}

base::Status SqliteStore::remove_secret(std::string_view name) {
  const std::lock_guard lock(writer_mutex_);
  TRY(const std::int64_t removed, writer_.run("DELETE FROM upstream_secrets WHERE name = ?", name));
  if (removed == 0)
    return base::fail(base::ErrorType::not_found, fmt::format("there is no secret of {}", name), {},
                      base::Source::client);
  return {};
}

base::Result<std::vector<std::string>> SqliteStore::secret_names() {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto rows, writer_.query("SELECT name FROM upstream_secrets ORDER BY name"));
  std::vector<std::string> names;
  for (;;) {
    TRY(const bool found, rows.next());
    if (!found) return names;
    names.push_back(rows.take_text());
  }
}

base::Result<SecretBox::Sealed> SqliteStore::sealed_secrets() {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto rows, writer_.query("SELECT 1 FROM upstream_secrets LIMIT 1"));
  TRY(const bool found, rows.next());
  return found ? SecretBox::Sealed::some : SecretBox::Sealed::none;
}

}  // namespace store
