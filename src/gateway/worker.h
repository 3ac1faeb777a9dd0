#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/sha256_cache.h"
#include "catalog/snapshot.h"
#include "gateway/limiter_route.h"
#include "gateway/settings.h"
#include "gateway/stats.h"
#include "gateway/upstreams.h"
#include "idempotency/desk.h"
#include "net/http_server.h"
#include "quota/admission.h"
#include "quota/deferred_desk.h"
#include "quota/keeper.h"
#include "telemetry/tracer.h"

namespace gateway {

// An exchange, as its worker finds it.
class UnderWay : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {};

// The data plane of one worker thread: answers every request of its listener. Made before its loop runs, used on it.
class Worker final : public net::Handler {
 public:
  struct Parts {
    net::Loop& loop;
    const Settings& settings;
    quota::Keeper& keeper;
    idempotency::Desk& idempotency;
    quota::DeferredDesk& deferred;
    quota::Scribe* scribe;  // this worker's; nullptr where no journal is kept
    base::Random& random;
    std::shared_ptr<const catalog::Snapshot> snapshot;
    telemetry::Tracer* tracer = nullptr;  // nullptr: nothing is traced
  };
  static base::Result<std::unique_ptr<Worker>> create(const Parts& parts);

  net::Task<void> serve(net::Incoming& incoming) override;
  std::string refuse(const base::Error& error) override;

  // On the loop: what is authenticated from here on sees this catalog.
  void use(std::shared_ptr<const catalog::Snapshot> snapshot) { snapshot_ = std::move(snapshot); }
  // On the loop, before limits come into force: `next` is the catalog with them. From here on nothing is admitted
  // without them, and what is under way takes them on. Fails if the journal has no room for that (unavailable); use()
  // of the catalog before undoes it for what comes.
  base::Status take_on(std::span<const quota::OpeningLimit> limits,
                       const std::shared_ptr<const catalog::Snapshot>& next);
  // On the loop: calls of this upstream carry this secret from here on.
  void use_secret(const std::string& upstream, const base::Secret& secret) { upstreams_->use_secret(upstream, secret); }
  // On the loop: what limiters' base URLs are verified by, before the first one is called.
  void trust(std::unique_ptr<net::TlsClientContext> authorities) { upstreams_->trust(std::move(authorities)); }
  // No connection to an upstream is kept any more.
  void drain() { upstreams_->drain(); }
  const Stats& stats() const { return stats_; }
  Stats& stats() { return stats_; }

 private:
  friend class Exchange;
  explicit Worker(const Parts& parts);
  // An empty usage record.
  std::unique_ptr<events::UsageRecord> new_record();
  // The admission stamp: wall-clock time that never steps back on this worker.
  base::WallTime stamp();

  net::Loop& loop_;
  const Settings& settings_;
  quota::Keeper& keeper_;
  idempotency::Desk& idempotency_;
  quota::DeferredDesk& deferred_;
  quota::Admission admission_;
  base::BufferedRandom random_;
  base::Sha256Cache key_digests_;
  std::shared_ptr<const catalog::Snapshot> snapshot_;
  boost::intrusive::list<UnderWay, boost::intrusive::constant_time_size<false>> under_way_;
  Stats stats_;
  std::unique_ptr<Upstreams> upstreams_;
  LimiterRoutes limiter_routes_;
  telemetry::Tracer* const tracer_;
  base::WallTime last_stamp_;
  std::vector<std::unique_ptr<events::UsageRecord>> spare_records_;
  std::string scratch_;  // heads are written here
};

}  // namespace gateway
