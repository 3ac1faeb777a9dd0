#pragma once

#include <filesystem>
#include <mutex>
#include <optional>

#include "base/random.h"
#include "catalog/secret_store.h"
#include "store/secret_box.h"
#include "store/sqlite/sqlite_store.h"

namespace store {

// catalog::SecretStore on the embedded store: the database gets what a SecretBox sealed, and the box's key lies beside
// it in the data folder. The key is read when a secret is first sealed or unsealed, and made if nothing is sealed yet;
// names and removal do without it, so that secrets whose key was lost can be cleared away. Thread-safe.
class SealedSecrets final : public catalog::SecretStore {
 public:
  // The references outlive it.
  SealedSecrets(SqliteStore& database, std::filesystem::path data_folder, base::Random& random)
      : database_(database), data_folder_(std::move(data_folder)), random_(random) {}

  base::Result<std::vector<std::string>> secret_names() override;
  base::Result<std::optional<base::Secret>> find_secret(std::string_view upstream) override;
  base::Status put_secret(std::string_view upstream, const base::Secret& secret) override;
  base::Status remove_secret(std::string_view upstream) override;

 private:
  // Called with mutex_ held.
  base::Result<const SecretBox*> box();

  SqliteStore& database_;
  const std::filesystem::path data_folder_;
  base::Random& random_;
  std::mutex mutex_;  // over the box: two threads must not make two keys
  std::optional<SecretBox> box_;
};

}  // namespace store
