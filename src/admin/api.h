#pragma once
// admin: the control plane's API (api/openapi.yaml) as a function from a request to a response. It owns the wording
// and the checks of the surface; what a change means is the catalog's business. It knows no sockets and no HTTP
// framing: app/ carries it over TCP and the data folder's socket, cli/ calls it in process.
//
// Always true: a refused request changed nothing; what the API does not know (a field, a query parameter, a path) is
// refused by name; amounts are decimal strings; a key's secret appears once, in the reply that creates it, and an
// upstream's never.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/message.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/sha256.h"
#include "catalog/catalog.h"
#include "catalog/upstream_secrets.h"
#include "events/limit_event.h"
#include "events/usage_log.h"
#include "ledger/store.h"
#include "quota/doctor.h"
#include "quota/explanation.h"
#include "quota/numbers.h"
#include "quota/unresolved.h"

namespace admin {

struct Options {
  std::optional<base::Sha256> environment_admin_key_hash;  // of METERGATE_ADMIN_KEY, if it is set
  std::function<std::string()> metrics;                    // Prometheus text; empty: /metrics is not found
  std::function<base::Status()> ready;                     // whether exchanges can be admitted; empty: always
  // Writes all that the store holds to a new file; empty: it holds nothing that lasts.
  std::function<base::Status(const std::string& file)> back_up = {};
  std::optional<std::vector<std::string>> routes = {};  // that the configuration declares; nullopt: not known
  catalog::RouteWeights weights = {};                   // what their calls take of named units
  std::vector<std::string> books = {};                  // price books by name that the configuration declares
};

// What the handlers work with. The references outlive the Api.
struct Services {
  catalog::Catalog& catalog;
  catalog::UpstreamSecrets& upstreams;
  events::UsageLog& usage;
  events::LimitEventLog& limit_events;
  quota::Inspector& inspector;
  quota::Explainer& explainer;
  quota::UnresolvedDesk& unresolved;
  quota::Books& books;
  ledger::Store& ledger;
  const base::Clock& clock;
  Options options;
};

// Thread-safe if the services are. May wait for the store: not for an event loop of the data plane.
class Api {
 public:
  explicit Api(Services services);

  // Never fails: what goes wrong is a response of type application/problem+json.
  Response handle(const Request& request);

 private:
  Services services_;
};

}  // namespace admin
