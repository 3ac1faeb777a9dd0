#include "app/restore.h"

#include <fmt/format.h>

#include <filesystem>

#include "catalog/catalog.h"
#include "journal/mapped_disk.h"
#include "store/data_folder.h"
#include "store/sqlite/backup.h"
#include "store/sqlite/sqlite_store.h"

namespace app {

base::Result<Restored> restore(const std::string& data_folder, const std::optional<std::string>& backup,
                               Accept accept) {
  std::error_code ignored;
  if (!backup && !std::filesystem::exists(data_folder + "/metergate.db", ignored))
    return base::fail(base::ErrorType::not_found,
                      fmt::format("there is no store in {}; name a backup, or another folder with --data", data_folder),
                      {}, base::Source::client);
  TRY(const auto folder, store::DataFolder::open(data_folder));
  Restored restored;
  if (backup) {
    TRY(const auto kept, store::sqlite::put_back(*backup, folder.database_path()));
    restored.replaced = kept.string();
  }
  TRY(const auto store, store::SqliteStore::open(folder.database_path()));
  TRY(const auto disk, journal::MappedDisk::open(folder.path() / "journal"));
  TRY(const auto left, store->left_behind());
  TRY(restored.behind, quota::why_behind(*disk, left));
  // A backup that is as new as the journals needs no acceptance; without one there must be something to accept.
  if (accept == Accept::no || (backup && restored.behind.empty())) return restored;
  TRY(const auto contents, store->load());
  TRY(const auto snapshot, catalog::Snapshot::build(contents));
  base::Clock& clock = base::system_clock();
  TRY(restored.accepted, quota::accept_restored(*store, *disk, *snapshot, clock.wall_now(), base::system_random()));
  restored.behind.clear();
  return restored;
}

}  // namespace app
