#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "base/secret.h"
#include "catalog/snapshot.h"
#include "gateway/settings.h"
#include "idempotency/desk.h"
#include "net/address.h"
#include "net/tls.h"
#include "quota/deferred_desk.h"
#include "quota/keeper.h"

namespace gateway {
class Worker;
}

namespace app {

// The worker threads: each its own loop, listener, upstream connections and gateway::Worker. A connection never
// changes thread.
class DataPlane {
 public:
  struct Parts {
    const Config& config;
    const gateway::Settings& settings;
    quota::Keeper& keeper;
    idempotency::Desk& idempotency;
    quota::DeferredDesk& deferred;
    journal::Journal* journal;  // nullptr: none is kept
    const base::Clock& clock;
    base::Random& random;
    std::shared_ptr<const catalog::Snapshot> snapshot;
    telemetry::Tracer* tracer;  // nullptr: nothing is traced
  };
  // Binds the listeners; nothing is served before start().
  static base::Result<std::unique_ptr<DataPlane>> create(Parts parts);
  ~DataPlane();

  void start();
  // From any thread: returns when every worker works with this catalog.
  void use(const std::shared_ptr<const catalog::Snapshot>& snapshot);
  // Limits come into force (gateway::Worker::take_on); returns when every worker has taken them on. Fails as the first
  // of them does.
  base::Status take_on(const std::vector<quota::OpeningLimit>& limits,
                       const std::shared_ptr<const catalog::Snapshot>& next);
  // As use(), for the secret that calls of this upstream carry; empty: none.
  void use_secret(const std::string& upstream, const base::Secret& secret);
  // From any thread: those who wait for this worker's journal to be durable may go on.
  void resume_journal(std::uint32_t worker);
  // No new connections; running exchanges end, or are cut off after drain_ms. Returns when all threads have ended.
  void stop(std::int64_t drain_ms);

  const net::Address& address() const { return address_; }
  std::string metrics() const;

 private:
  struct Thread;
  DataPlane() = default;
  // Runs the change on each worker's thread, and waits for all.
  void on_every_worker(const std::function<void(gateway::Worker&)>& change);

  // Gives the workers what limiters are verified by, once the catalog has limiters.
  void trust_for(const catalog::Snapshot& snapshot);

  net::Address address_;
  bool trusts_ = false;  // changed with the catalog's lock held
  std::unique_ptr<net::TlsServerContext> tls_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace app
