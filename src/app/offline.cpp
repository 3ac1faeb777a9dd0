#include "app/offline.h"

#include "store/data_folder.h"
#include "store/sealed_secrets.h"
#include "store/sqlite/sqlite_store.h"

namespace app {
namespace {

class OpenFolder final : public Offline {
 public:
  OpenFolder(store::DataFolder folder, std::unique_ptr<store::SqliteStore> store,
             std::unique_ptr<catalog::Catalog> catalog, std::vector<catalog::Upstream> upstreams,
             std::optional<std::int64_t> settle_after_ms, std::vector<std::string> routes)
      : folder_(std::move(folder)),
        store_(std::move(store)),
        catalog_(std::move(catalog)),
        declared_(std::move(upstreams)),
        secrets_(*store_, folder_.path(), base::system_random()),
        upstreams_(declared_, secrets_),
        inspector_(*store_, base::system_clock()),
        unresolved_(*store_, base::system_clock(), base::system_random(), settle_after_ms),
        api_({.catalog = *catalog_,
              .upstreams = upstreams_,
              .usage = *store_,
              .limit_events = *store_,
              .inspector = inspector_,
              .unresolved = unresolved_,
              .books = *store_,
              .clock = base::system_clock(),
              .options = {.environment_admin_key_hash = {},
                          .metrics = {},
                          .ready = {},
                          .back_up = [this](const std::string& file) { return store_->back_up(file); },
                          .routes = std::move(routes)}}) {}

  admin::Response handle(admin::Request request) override {
    request.trust = admin::Trust::local;
    return api_.handle(request);
  }

 private:
  store::DataFolder folder_;  // first in, last out: the lock outlives what it guards
  std::unique_ptr<store::SqliteStore> store_;
  std::unique_ptr<catalog::Catalog> catalog_;
  std::vector<catalog::Upstream> declared_;
  store::SealedSecrets secrets_;
  catalog::UpstreamSecrets upstreams_;
  StoreInspector inspector_;
  quota::UnresolvedDesk unresolved_;
  admin::Api api_;
};

}  // namespace

base::Result<std::unique_ptr<Offline>> open_offline(const Config& config) {
  std::vector<std::string> routes;
  for (const catalog::Route& route : config.routes) routes.push_back(route.name);
  TRY(auto folder, store::DataFolder::open(config.data));
  TRY(auto store, store::SqliteStore::open(folder.database_path()));
  TRY(auto catalog, catalog::Catalog::open(*store, base::system_clock(), base::system_random()));
  return std::make_unique<OpenFolder>(std::move(folder), std::move(store), std::move(catalog), config.upstreams,
                                      config.unresolved.settle_after_ms, std::move(routes));
}

std::string control_socket(const std::string& data_folder) { return data_folder + "/control.sock"; }

}  // namespace app
