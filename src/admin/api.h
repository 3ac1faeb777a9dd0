#pragma once
// admin: the control plane's API (api/openapi.yaml) as a function from a request to a response. It owns the wording
// and the checks of the surface; what a change means is the catalog's business. It knows no sockets and no HTTP
// framing: app/ carries it over TCP and the data folder's socket, cli/ calls it in process.
//
// Always true: a refused request changed nothing; what the API does not know (a field, a query parameter, a path) is
// refused by name; amounts are decimal strings; a key's secret appears once, in the reply that creates it, and an
// upstream's or a password never. What is changed is in the audit log before it is tried.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "admin/call_rate.h"
#include "admin/message.h"
#include "admin/price_lists.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/sha256.h"
#include "catalog/catalog.h"
#include "catalog/upstream_secrets.h"
#include "events/limit_event.h"
#include "events/usage_feed.h"
#include "events/usage_log.h"
#include "idempotency/store.h"
#include "identity/sessions.h"
#include "identity/users.h"
#include "ledger/store.h"
#include "quota/doctor.h"
#include "quota/explanation.h"
#include "quota/numbers.h"
#include "quota/unresolved.h"

namespace admin {

// What a reader is told of how the gateway runs; nothing of it is secret.
struct Settings {
  std::string version = {};
  std::string proxy_url = {};   // "http://127.0.0.1:8080": where it listens; empty: this is no server
  std::string store = {};       // "sqlite", "memory"
  std::string durability = {};  // of the journal: "process", "power"; "none" where nothing is kept
  std::optional<std::int64_t> unresolved_settles_after_ms = std::nullopt;  // nullopt: never
  std::int64_t usage_keep_days = 0;                                        // 0: for ever
};

// How many streams of events are open, over all of them.
using OpenStreams = std::shared_ptr<int>;

// What limiters are made by.
struct LimiterOptions {
  catalog::AddressRules addresses;  // that they may call
  std::string base_url;             // of those that name none
  std::string proxy_url;            // what clients call the proxy by
};

struct Options {
  std::optional<base::Sha256> environment_admin_key_hash;  // of METERGATE_ADMIN_KEY, if it is set
  std::function<std::string()> metrics;                    // Prometheus text; empty: /metrics is not found
  std::function<base::Status()> ready;                     // whether exchanges can be admitted; empty: always
  // Writes all that the store holds to a new file; empty: it holds nothing that lasts.
  std::function<base::Status(const std::string& file)> back_up = {};
  std::optional<std::vector<std::string>> routes = {};  // that the configuration declares; nullopt: not known
  catalog::RouteWeights weights = {};                   // what their calls take of named units
  std::vector<std::string> books = {};                  // price books by name that the configuration declares
  PriceLists price_lists = {};                          // all of them, the default one first
  Settings settings = {};
  int streams_max = 32;             // streams of events that are open at once
  std::int64_t calls_a_minute = 0;  // of one caller over the network; 0: as many as he likes
  LimiterOptions limiters = {};
  std::string provider_label = {};  // of the OpenID provider that people log in with; empty: there is none
};

// What the handlers work with. The references outlive the Api.
struct Services {
  catalog::Catalog& catalog;
  catalog::UpstreamSecrets& upstreams;
  events::UsageLog& usage;
  events::UsageFeed& feed;
  events::LimitEventLog& limit_events;
  quota::Inspector& inspector;
  quota::Explainer& explainer;
  quota::UnresolvedDesk& unresolved;
  quota::Books& books;
  ledger::Store& ledger;
  identity::Users& users;
  identity::Sessions& sessions;
  identity::Store& identity;        // for its log of changes
  idempotency::Store* idempotency;  // nullptr: an Idempotency-Key is refused, but where money moves
  const base::Clock& clock;
  base::Random& random;
  Options options;
  OpenStreams open_streams = std::make_shared<int>(0);  // counted on the one thread that serves them
};

// Thread-safe if the services are. May wait for the store: not for an event loop of the data plane.
class Api {
 public:
  explicit Api(Services services);

  // Never fails: what goes wrong is a response of type application/problem+json.
  Response handle(const Request& request);

  // For a login with a provider, which a browser follows from address to address. rate_limited: too many have failed
  // from there.
  base::Status check_login_attempt(const Request& request);
  // Lets in whom the provider has named, with a session, and sends the browser to `return_to`; else it is sent there
  // with the type of what was wrong after "#login=", and the log says the rest.
  Response let_in(const Request& request, const base::Result<identity::ProviderUser>& visitor,
                  std::string_view return_to);

 private:
  Services services_;
  CallRate rate_;
};

}  // namespace admin
