#pragma once
// A command line over the real API, for tests of its verbs.

#include <sstream>
#include <string>
#include <vector>

#include "admin/api.h"
#include "app/offline.h"
#include "cli/explainer_test.h"
#include "cli/verbs.h"
#include "store/memory/memory_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeded_random.h"

namespace cli {

// The real API over the memory store, reached by a client that notes what it was asked.
class Bench {
 public:
  struct Outcome {
    int code = 0;
    std::string out;
    std::string err;
  };

  Outcome run(std::vector<const char*> arguments) {
    std::ostringstream out;
    std::ostringstream err;
    const auto connect = [this](const Connection& connection,
                                MissingFolder missing) -> base::Result<std::unique_ptr<ControlClient>> {
      last_connection = connection;
      last_missing = missing;
      return std::make_unique<Client>(*this);
    };
    Session session(connect, out, err);
    CLI::App app("Metergate", "metergate");
    app.require_subcommand(1);
    add_accounts(app, session);
    add_keys(app, session);
    add_limits(app, session);
    add_limiters(app, session);
    add_explain(app, session);
    add_quote(app, session);
    add_events(app, session);
    const ReadSecret ask = [this](const std::string& prompt) -> base::Result<base::Secret> {
      prompts.push_back(prompt);
      return base::Secret(std::string(typed));
    };
    add_upstreams(app, session, ask);
    add_users(app, session, ask);
    add_audit(app, session);
    add_usage(app, session);
    add_unresolved(app, session);
    add_doctor(app, session);
    add_version(app, out);
    add_completion(app, out);
    arguments.insert(arguments.begin(), "metergate");
    const int no_failure = 0;
    const int code = cli::run(app, static_cast<int>(arguments.size()), arguments.data(), out, err, no_failure);
    return {code != 0 ? code : session.exit_code(), out.str(), err.str()};
  }

  ScriptedExplainer explainer;
  std::vector<std::string> requests;  // "POST /api/v1/keys"
  std::string typed;                  // what comes in on standard input
  std::vector<std::string> prompts;
  Connection last_connection;
  MissingFolder last_missing = MissingFolder::refuse;

 private:
  class Client final : public ControlClient {
   public:
    explicit Client(Bench& bench) : bench_(bench) {}
    base::Result<admin::Response> send(const admin::Request& request) override {
      bench_.requests.push_back(request.method + " " + request.path);
      admin::Request local = request;
      local.trust = admin::Trust::local;
      return bench_.api_.handle(local);
    }

   private:
    Bench& bench_;
  };

  store::MemoryStore store_;
  tests::FakeClock clock_;
  tests::SeededRandom random_{1};
  std::unique_ptr<catalog::Catalog> catalog_ = *catalog::Catalog::open(store_, clock_, random_);
  static catalog::Upstream upstream(std::string name, std::string secret) {
    catalog::Upstream made;
    made.name = std::move(name);
    made.scheme = "https";
    made.host = made.name + ".test";
    made.secret = std::move(secret);
    return made;
  }

  std::vector<catalog::Upstream> declared_ = {upstream("openai", ""), upstream("azure", "sk-configured")};
  catalog::UpstreamSecrets upstreams_{declared_, store_};
  app::StoreInspector inspector_{store_, clock_};
  identity::Users users_{store_, clock_, random_};
  identity::Sessions sessions_{
      store_, identity::SigningKeys::random(random_), 0, [](const base::Sha256&) { return false; }, clock_, random_};
  quota::UnresolvedDesk unresolved_{store_, clock_, random_, 7 * 86'400'000LL};
  admin::Api api_{{.catalog = *catalog_,
                   .upstreams = upstreams_,
                   .usage = store_,
                   .feed = store_,
                   .limit_events = store_,
                   .inspector = inspector_,
                   .explainer = explainer,
                   .unresolved = unresolved_,
                   .books = store_,
                   .ledger = store_,
                   .users = users_,
                   .sessions = sessions_,
                   .identity = store_,
                   .idempotency = &store_,
                   .clock = clock_,
                   .random = random_,
                   .options = {}}};
};

}  // namespace cli
