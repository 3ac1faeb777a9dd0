#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "admin/api.h"
#include "app/config.h"
#include "app/control_plane.h"
#include "app/data_plane.h"
#include "app/journal_threads.h"
#include "app/store_thread.h"
#include "app/tracing.h"
#include "catalog/catalog.h"
#include "catalog/upstream_secrets.h"
#include "events/limit_event.h"
#include "events/usage_log.h"
#include "events/usage_retention.h"
#include "gateway/explain.h"
#include "gateway/settings.h"
#include "idempotency/desk.h"
#include "identity/sessions.h"
#include "identity/users.h"
#include "journal/mapped_disk.h"
#include "quota/deferred_desk.h"
#include "quota/recovery.h"

namespace app {

// What a store gives the program, whichever it is.
struct Stores {
  catalog::Store& catalog;
  quota::Store& quota;
  events::UsageLog& usage;
  events::UsageFeed& feed;
  events::LimitEventLog& limit_events;
  catalog::SecretStore& secrets;
  events::UsageRetention& retention;
  quota::UnresolvedStore& unresolved;
  quota::Books& books;
  ledger::Store& ledger;
  idempotency::Store& idempotency;
  quota::DeferredStore& deferred;
  identity::Store& identity;
};

// The whole gateway over a store: constructs everything in order, starts it and stops it. Reading create() shows the
// program.
class Program final : private catalog::LimitPreparer {
 public:
  struct Options {
    std::optional<std::string> local_socket;  // of the control plane, for the command line
    std::optional<std::string> admin_key;     // METERGATE_ADMIN_KEY
    identity::SigningKeys signing_keys;       // of sessions
    journal::Disk* journals = nullptr;        // where journals lie; nullptr: none are kept. Outlives the program
    std::string_view store = "memory";        // its kind, for who asks
    std::filesystem::path database = {};      // where it lies; empty: nowhere
    // Writes the store to a new file, from any thread; empty: it is not one that lasts.
    std::function<base::Status(const std::string& file)> back_up = {};
  };
  static base::Result<std::unique_ptr<Program>> create(const Config& config, Stores stores, const Options& options);
  ~Program() override;

  void start();
  // Drains and closes: leases go back, everything settled is in the store.
  void stop();

  catalog::Catalog& catalog() { return *catalog_; }
  identity::Users& users() { return *users_; }
  const net::Address& proxy() const { return data_plane_->address(); }
  const std::optional<net::Address>& control() const { return control_plane_->address(); }
  // What the last process left, as it was found and booked.
  const quota::Journals& journals() const { return journals_; }

 private:
  Program(const Config& config, const Stores& stores, std::filesystem::path database);
  // Gives the workers the secrets that the store holds, now and whenever one changes.
  base::Status hand_over_secrets(catalog::SecretStore& store);
  admin::Options admin_options(const Options& options) const;
  // `of_environment`: the digest of an admin key beside those in the catalog.
  void let_people_in(identity::Store& store, const identity::SigningKeys& keys,
                     const std::optional<base::Sha256>& of_environment);
  base::Status make_control_plane(const Stores& stores, const Options& options);
  void drop_old_records();
  void every_minute();  // and at the start, on the control thread
  void settle_overdue();
  void post_what_is_due();
  // catalog::LimitPreparer.
  base::Status prepare(std::span<const catalog::Limit> limits,
                       const std::shared_ptr<const catalog::Snapshot>& next) override;
  void abandon(std::span<const catalog::Limit> limits,
               const std::shared_ptr<const catalog::Snapshot>& current) override;
  void catalog_changed(const std::shared_ptr<const catalog::Snapshot>& snapshot, const catalog::Changed& changed);
  std::string metrics() const;
  base::Status ready() const;

  const Config& config_;
  events::LimitEventLog& limit_events_;
  events::UsageRetention& retention_;
  const std::filesystem::path database_;
  base::Clock& clock_;
  base::Random& random_;
  gateway::Settings settings_;
  quota::Journals journals_;
  std::unique_ptr<JournalThreads> journal_threads_;  // nullptr: nothing is to be written through
  StoreThread store_thread_;
  std::unique_ptr<quota::Keeper> keeper_;
  std::unique_ptr<CatalogOnStoreThread> catalog_store_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<SecretsOnStoreThread> secret_store_;
  std::unique_ptr<catalog::UpstreamSecrets> upstream_secrets_;
  std::shared_ptr<const catalog::Snapshot> published_;
  std::unique_ptr<idempotency::Desk> idempotency_;
  std::unique_ptr<quota::DeferredDesk> deferred_;
  std::unique_ptr<Tracing> tracing_;  // nullptr: nothing is traced
  std::unique_ptr<DataPlane> data_plane_;
  std::unique_ptr<UnresolvedOnStoreThread> unresolved_store_;
  std::unique_ptr<quota::UnresolvedDesk> unresolved_;
  std::unique_ptr<gateway::Explainer> explainer_;
  std::unique_ptr<LedgerOnStoreThread> ledger_;
  std::unique_ptr<identity::Users> users_;
  std::unique_ptr<identity::Sessions> sessions_;
  std::unique_ptr<admin::Api> api_;
  std::unique_ptr<ControlPlane> control_plane_;
  bool running_ = false;
};

// What a first start needs to be tried at once: an admin key, and a key for calls with a small limit.
struct FirstKeys {
  std::optional<std::string> admin;  // none: there is one already
  std::optional<std::string> data;
};
base::Result<FirstKeys> create_first_keys(catalog::Catalog& catalog, bool admin_key_given);

}  // namespace app
