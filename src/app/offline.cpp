#include "app/offline.h"

#include "app/gateway_settings.h"
#include "app/limiter_settings.h"
#include "gateway/explain.h"
#include "store/data_folder.h"
#include "store/sealed_secrets.h"
#include "store/sqlite/sqlite_store.h"

namespace app {
namespace {

// Reads the prices only when it is asked: what else there is to do with a folder needs none.
class OfflineExplainer final : public quota::Explainer {
 public:
  OfflineExplainer(Config config, quota::Inspector& inspector) : config_(std::move(config)), inspector_(inspector) {}
  base::Result<quota::Explanation> explain(const catalog::KeyEntry& key, const quota::ImaginedCall& call) override {
    TRY(const auto settings, gateway_settings(config_));
    return gateway::Explainer({settings, inspector_, base::system_clock()}).explain(key, call);
  }
  base::Result<quota::HeldCall> hold(const catalog::KeyEntry& key, const quota::ImaginedCall& call,
                                     std::int64_t ttl_ms) override {
    TRY(const auto settings, gateway_settings(config_));
    return gateway::Explainer({settings, inspector_, base::system_clock()}).hold(key, call, ttl_ms);
  }

 private:
  const Config config_;
  quota::Inspector& inspector_;
};

class OpenFolder final : public Offline {
 public:
  OpenFolder(store::DataFolder folder, std::unique_ptr<store::SqliteStore> store,
             std::unique_ptr<catalog::Catalog> catalog, const Config& config, std::vector<std::string> routes)
      : folder_(std::move(folder)),
        store_(std::move(store)),
        catalog_(std::move(catalog)),
        declared_(config.upstreams),
        secrets_(*store_, folder_.path(), base::system_random()),
        upstreams_(declared_, secrets_),
        inspector_(*store_, base::system_clock()),
        explainer_(config, inspector_),
        users_(*store_, base::system_clock(), base::system_random()),
        // Nobody logs in to a folder: who may read it may do everything.
        sessions_(
            *store_, identity::SigningKeys::random(base::system_random()), 0, [](const base::Sha256&) { return false; },
            base::system_clock(), base::system_random()),
        unresolved_(*store_, base::system_clock(), base::system_random(), config.unresolved.settle_after_ms),
        api_({.catalog = *catalog_,
              .upstreams = upstreams_,
              .usage = *store_,
              .feed = *store_,
              .limit_events = *store_,
              .inspector = inspector_,
              .explainer = explainer_,
              .unresolved = unresolved_,
              .books = *store_,
              .ledger = *store_,
              .users = users_,
              .sessions = sessions_,
              .identity = *store_,
              .idempotency = nullptr,
              .clock = base::system_clock(),
              .random = base::system_random(),
              .options = {.environment_admin_key_hash = {},
                          .metrics = {},
                          .ready = {},
                          .back_up = [this](const std::string& file) { return store_->back_up(file); },
                          .routes = std::move(routes),
                          .weights = catalog::weights_of(config.routes),
                          .books = names_of(config.prices.books),
                          .limiters = limiter_options(config)}}) {}

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
  OfflineExplainer explainer_;
  identity::Users users_;
  identity::Sessions sessions_;
  quota::UnresolvedDesk unresolved_;
  admin::Api api_;
};

}  // namespace

base::Result<std::unique_ptr<Offline>> open_offline(const Config& config) {
  std::vector<std::string> routes;
  for (const catalog::Route& route : config.routes) routes.push_back(route.name);
  TRY(auto folder, store::DataFolder::open(config.data));
  TRY(auto store, store::SqliteStore::open(folder.database_path()));
  TRY(auto catalog,
      catalog::Catalog::open(*store, base::system_clock(), base::system_random(), catalog::weights_of(config.routes)));
  return std::make_unique<OpenFolder>(std::move(folder), std::move(store), std::move(catalog), config,
                                      std::move(routes));
}

std::string control_socket(const std::string& data_folder) { return data_folder + "/control.sock"; }

}  // namespace app
