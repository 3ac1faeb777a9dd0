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
             std::vector<std::string> routes)
      : folder_(std::move(folder)),
        store_(std::move(store)),
        catalog_(std::move(catalog)),
        declared_(std::move(upstreams)),
        secrets_(*store_, folder_.path(), base::system_random()),
        upstreams_(declared_, secrets_),
        inspector_(*store_, base::system_clock()),
        api_(*catalog_, upstreams_, *store_, inspector_, base::system_clock(),
             {.environment_admin_key_hash = {}, .metrics = {}, .ready = {}, .routes = std::move(routes)}) {}

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
  admin::Api api_;
};

}  // namespace

base::Result<std::unique_ptr<Offline>> open_offline(const std::string& data_folder,
                                                    std::vector<catalog::Upstream> upstreams,
                                                    const std::vector<catalog::Route>& routes) {
  std::vector<std::string> names;
  for (const catalog::Route& route : routes) names.push_back(route.name);
  TRY(auto folder, store::DataFolder::open(data_folder));
  TRY(auto store, store::SqliteStore::open(folder.database_path()));
  TRY(auto catalog, catalog::Catalog::open(*store, base::system_clock(), base::system_random()));
  return std::make_unique<OpenFolder>(std::move(folder), std::move(store), std::move(catalog), std::move(upstreams),
                                      std::move(names));
}

std::string control_socket(const std::string& data_folder) { return data_folder + "/control.sock"; }

}  // namespace app
