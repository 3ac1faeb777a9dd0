#include "app/program.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "admin/authorize.h"
#include "app/gateway_settings.h"
#include "app/health_metrics.h"
#include "app/limit_metrics.h"
#include "app/limiter_settings.h"
#include "app/metrics_text.h"
#include "app/version.h"
#include "base/log.h"
#include "base/sha256.h"

namespace app {
namespace {

// Small ones: what is mapped is resident, and a new one every some thousand exchanges costs nothing that is seen.
constexpr std::uint32_t journal_segment_bytes = 256 * 1024;

std::vector<std::string> names_of(const std::vector<catalog::Route>& routes) {
  std::vector<std::string> names;
  for (const catalog::Route& route : routes) names.push_back(route.name);
  return names;
}

// A route, or its units, may have gone from the file since the limit was made: the limit is kept, and applies to
// nothing.
void warn_of_idle_limits(const catalog::Snapshot& snapshot, const std::vector<catalog::Route>& declared) {
  const std::vector<std::string> routes = names_of(declared);
  const catalog::RouteWeights weights = catalog::weights_of(declared);
  for (const catalog::Limit& limit : snapshot.limits()) {
    if (!limit.filter.route.empty() && std::ranges::find(routes, limit.filter.route) == routes.end())
      base::log::warn(
          "the limit {} ('{}') is for the route '{}', which the configuration does not have: it applies to "
          "nothing",
          limit.id.to_string(), limit.name, limit.filter.route);
    else if (limit.unit == catalog::LimitUnit::named &&
             !catalog::has_weight(weights, limit.unit.name(), limit.filter.route))
      base::log::warn(
          "the limit {} ('{}') counts '{}', which no route that it is for has under 'units': it applies to nothing",
          limit.id.to_string(), limit.name, limit.unit.name());
  }
}

std::string durability_text(const Config& config, bool keeps_journal) {
  if (!keeps_journal) return "none";
  return config.journal.durability == journal::Durability::power ? "power" : "process";
}

}  // namespace

Program::Program(const Config& config, const Stores& stores, std::filesystem::path database)
    : config_(config),
      limit_events_(stores.limit_events),
      retention_(stores.retention),
      database_(std::move(database)),
      clock_(base::system_clock()),
      random_(base::system_random()),
      store_thread_(clock_) {}

base::Result<std::unique_ptr<Program>> Program::create(const Config& config, Stores stores, const Options& options) {
  std::unique_ptr<Program> program(new Program(config, stores, options.database));
  TRY(program->settings_, gateway_settings(config));
  gateway::Settings& settings = program->settings_;
  Program& self = *program;
  TRY(program->journals_,
      quota::open_journals(stores.quota, options.journals, static_cast<std::uint32_t>(config.threads),
                           program->clock_.wall_now(),
                           {.durability = config.journal.durability, .segment_bytes = journal_segment_bytes},
                           {.prepare = [&self] { self.keeper_->prepare_journal(); },
                            .commit = [&self](std::uint32_t worker) { self.journal_threads_->ask(worker); },
                            .durable = [&self](std::uint32_t worker) { self.data_plane_->resume_journal(worker); }}));
  program->keeper_ = std::make_unique<quota::Keeper>(
      stores.quota, program->clock_, quota::KeeperOptions{}, [&thread = program->store_thread_] { thread.wake(); },
      program->journals_.journal.get());
  program->store_thread_.start(*program->keeper_);
  program->catalog_store_ = std::make_unique<CatalogOnStoreThread>(stores.catalog, *program->keeper_);
  TRY(program->catalog_, catalog::Catalog::open(*program->catalog_store_, program->clock_, program->random_,
                                                catalog::weights_of(config.routes)));
  program->published_ = program->catalog_->current();
  warn_of_idle_limits(*program->published_, config.routes);
  TRY_STATUS(check_books(*program->published_, config.prices.books));

  program->idempotency_ = std::make_unique<idempotency::Desk>(
      stores.idempotency, [&self](std::function<void()> work) { self.keeper_->run(std::move(work)); });
  program->deferred_ = std::make_unique<quota::DeferredDesk>(stores.deferred, stores.unresolved, stores.usage,
                                                             *program->keeper_, program->clock_, program->random_);
  if (config.tracing) {
    TRY(program->tracing_,
        Tracing::create(*config.tracing, config.tls ? "https" : "http", program->clock_, program->random_));
  }
  TRY(program->data_plane_,
      DataPlane::create({config, settings, *program->keeper_, *program->idempotency_, *program->deferred_,
                         program->journals_.journal.get(), program->clock_, program->random_, program->published_,
                         program->tracing_ ? &program->tracing_->tracer() : nullptr}));
  if (program->journals_.journal && config.journal.durability == journal::Durability::power)
    program->journal_threads_ =
        std::make_unique<JournalThreads>(*program->journals_.journal, static_cast<std::uint32_t>(config.threads));
  TRY_STATUS(program->hand_over_secrets(stores.secrets));
  program->catalog_->prepare_with(self);
  program->catalog_->on_change([&self](const std::shared_ptr<const catalog::Snapshot>& snapshot,
                                       const catalog::Changed& changed) { self.catalog_changed(snapshot, changed); });

  TRY_STATUS(program->make_control_plane(stores, options));
  return program;
}

admin::Options Program::admin_options(const Options& options) const {
  admin::Options admin{.environment_admin_key_hash = {},
                       .metrics = [this] { return metrics(); },
                       .ready = [this] { return ready(); },
                       .back_up = options.back_up,
                       .routes = names_of(config_.routes),
                       .weights = catalog::weights_of(config_.routes),
                       .books = names_of(config_.prices.books),
                       .price_lists = {{std::string(catalog::default_book), settings_.prices}},
                       .calls_a_minute = config_.control_calls_a_minute,
                       .limiters = limiter_options(config_),
                       .provider_label = config_.oidc ? config_.oidc->provider.label : std::string()};
  admin.settings = {.version = std::string(version),
                    .proxy_url = fmt::format("{}://{}", config_.tls ? "https" : "http", proxy().to_string()),
                    .store = std::string(options.store),
                    .durability = durability_text(config_, journals_.journal != nullptr),
                    .unresolved_settles_after_ms = config_.unresolved.settle_after_ms,
                    .usage_keep_days = config_.usage.keep_days};
  for (const gateway::NamedBook& book : settings_.books)
    admin.price_lists.push_back({std::string(book.name.text()), book.prices});
  if (options.admin_key) admin.environment_admin_key_hash = base::sha256(*options.admin_key);
  return admin;
}

void Program::let_people_in(identity::Store& store, const identity::SigningKeys& keys,
                            const std::optional<base::Sha256>& of_environment) {
  constexpr std::int64_t hour_ms = 3'600'000;
  users_ = std::make_unique<identity::Users>(store, clock_, random_);
  const auto is_admin_key = [this, of_environment](const base::Sha256& hash) {
    return admin::is_admin_key(*catalog_, of_environment, clock_, hash);
  };
  sessions_ = std::make_unique<identity::Sessions>(store, keys, config_.sessions.hours * hour_ms, is_admin_key, clock_,
                                                   random_);
}

base::Status Program::make_control_plane(const Stores& stores, const Options& options) {
  unresolved_store_ = std::make_unique<UnresolvedOnStoreThread>(stores.unresolved, *keeper_);
  unresolved_ =
      std::make_unique<quota::UnresolvedDesk>(*unresolved_store_, clock_, random_, config_.unresolved.settle_after_ms);
  ledger_ = std::make_unique<LedgerOnStoreThread>(stores.ledger, *keeper_);
  explainer_ = std::make_unique<gateway::Explainer>(
      gateway::Explainer::Parts{settings_, *keeper_, clock_, [this] { return keeper_->halted_because(); }, random_,
                                [this](quota::Waiter waiter) { return keeper_->decide(std::move(waiter)); }});
  admin::Options admin = admin_options(options);
  let_people_in(stores.identity, options.signing_keys, admin.environment_admin_key_hash);
  api_ = std::make_unique<admin::Api>(admin::Services{.catalog = *catalog_,
                                                      .upstreams = *upstream_secrets_,
                                                      .usage = stores.usage,
                                                      .feed = stores.feed,
                                                      .limit_events = stores.limit_events,
                                                      .inspector = *keeper_,
                                                      .explainer = *explainer_,
                                                      .unresolved = *unresolved_,
                                                      .books = stores.books,
                                                      .ledger = *ledger_,
                                                      .users = *users_,
                                                      .sessions = *sessions_,
                                                      .identity = stores.identity,
                                                      .idempotency = &stores.idempotency,
                                                      .clock = clock_,
                                                      .random = random_,
                                                      .options = std::move(admin)});
  ControlPlane::Listeners listeners{.tcp = config_.control, .local = {}, .trusted_proxies = config_.trusted_proxies};
  if (config_.oidc) {
    listeners.provider = &config_.oidc->provider;
    listeners.provider_ca_file = config_.oidc->ca_file;
  }
  if (options.local_socket) listeners.local = net::Address{*options.local_socket, 0, true};
  TRY(control_plane_, ControlPlane::create(*api_, std::move(listeners), clock_, [this] { every_minute(); }));
  return {};
}

Program::~Program() {
  stop();
  journal_threads_.reset();
  store_thread_.stop();  // of a program that never ran, too: it works on the keeper, which goes before it
}

void Program::start() {
  running_ = true;
  if (tracing_) tracing_->start();
  data_plane_->start();
  control_plane_->start();
}

void Program::stop() {
  if (!running_) return;
  running_ = false;
  data_plane_->stop(config_.drain_ms);
  control_plane_->stop();
  journal_threads_.reset();
  data_plane_.reset();  // what was cut off leaves its reservations to the keeper, and its spans
  if (tracing_) tracing_->stop();
  store_thread_.stop();
  if (const auto closed = keeper_->close(); !closed)
    base::log::error("not everything could be written to the store: {}; it counts as unresolved from the next start on",
                     closed.error().message);
}

base::Status Program::hand_over_secrets(catalog::SecretStore& store) {
  secret_store_ = std::make_unique<SecretsOnStoreThread>(store, *keeper_);
  upstream_secrets_ = std::make_unique<catalog::UpstreamSecrets>(config_.upstreams, *secret_store_);
  upstream_secrets_->on_change(
      [this](const std::string& upstream, const base::Secret& secret) { data_plane_->use_secret(upstream, secret); });
  TRY(const auto unused, upstream_secrets_->load());
  for (const std::string& name : unused)
    base::log::warn(
        "the store holds a key of '{}' that is not used: {}; 'metergate upstreams remove-key {}' removes it", name,
        config_.find_upstream(name) == nullptr ? "the configuration has no such upstream"
                                               : "the configuration sets another one",
        name);
  return {};
}

void Program::every_minute() {
  settle_overdue();
  post_what_is_due();
  drop_old_records();
}

// Some at a time, between which the store thread does what others wait for; the rest the next minute.
void Program::drop_old_records() {
  constexpr std::int64_t day_ms = 86'400'000;
  constexpr int steps_a_minute = 100;
  if (config_.usage.keep_days == 0) return;
  const base::WallTime before{clock_.wall_now().ms - config_.usage.keep_days * day_ms};
  base::Result<events::Dropped> dropped = events::Dropped{.is_more = true};
  std::int64_t records = 0;
  for (int step = 0; step < steps_a_minute && dropped && dropped->is_more; ++step) {
    keeper_->run_and_wait([&] { dropped = retention_.drop_records(before); });
    if (dropped) records += dropped->records;
  }
  if (!dropped) base::log::error("usage records could not be dropped for their age: {}", dropped.error().message);
  if (records > 0)
    base::log::info("{} usage records that are older than {} days were dropped; their sums are kept", records,
                    config_.usage.keep_days);
}

void Program::settle_overdue() {
  const auto settled = unresolved_->settle_overdue(*catalog_->current());
  if (!settled) {
    base::log::error("what has been unresolved for too long could not be settled: {}", settled.error().message);
  } else if (*settled > 0) {
    base::log::warn("{} calls were unresolved for too long; all that they held counts as spent", *settled);
  }
}

// What is left of a grant that is over goes where its terms say, whether anybody looks at it or not; and monthly fees
// are taken, those too whose time came while nobody was here.
void Program::post_what_is_due() {
  const auto posted = ledger_->sweep(clock_.wall_now());
  if (!posted) {
    base::log::error("what was left of grants that are over, and monthly fees, could not be posted: {}",
                     posted.error().message);
  } else if (*posted > 0) {
    base::log::info("{} transfers came about by themselves: what was left of grants that are over, and monthly fees",
                    *posted);
    if (const auto published = catalog_->reload_grants(); !published)
      base::log::error("the catalog could not take over the grants as they are now: {}", published.error().message);
  }
}

// Every worker sees the change before the call that made it returns; leases of a changed amount go back.
void Program::catalog_changed(const std::shared_ptr<const catalog::Snapshot>& snapshot,
                              const catalog::Changed& changed) {
  data_plane_->use(snapshot);
  for (const base::LimitId id : changed.limits) {
    const catalog::Limit* before = published_->find_limit(id);
    if (before == nullptr) continue;
    const catalog::Limit* after = snapshot->find_limit(id);
    if (after == nullptr || after->amount != before->amount || after->raise != before->raise ||
        after->leased() != before->leased())
      keeper_->limit_changed(id);
  }
  for (const base::AccountId account : changed.accounts)
    for (const base::GrantId grant :
         catalog::to_look_at_anew(published_->grants_of(account), snapshot->grants_of(account)))
      keeper_->limit_changed(catalog::counter_of(grant));
  published_ = snapshot;
}

base::Status Program::prepare(std::span<const catalog::Limit> limits,
                              const std::shared_ptr<const catalog::Snapshot>& next) {
  std::vector<quota::OpeningLimit> opening;
  for (const catalog::Limit& limit : limits) {
    TRY(auto lease, keeper_->begin_opening(limit));
    opening.push_back({limit, std::move(lease)});
  }
  return data_plane_->take_on(opening, next);
}

void Program::abandon(std::span<const catalog::Limit> limits, const std::shared_ptr<const catalog::Snapshot>& current) {
  data_plane_->use(current);
  for (const catalog::Limit& limit : limits) keeper_->abandon_opening(limit.id);
}

std::string Program::metrics() const {
  const quota::Keeper::Health health = keeper_->health();
  MetricsText text;
  text.gauge("metergate_unaccounted_leases", "Leases that the last start found open; their money is unresolved.",
             journals_.recovery.unaccounted_leases);
  text.gauge("metergate_interrupted_exchanges",
             "Exchanges that the last process left without an end; their money is unresolved.",
             journals_.open_exchanges);
  text.begin("metergate_thresholds_crossed_total", MetricsText::Kind::counter,
             "Thresholds of limits that were crossed, by their action.");
  for (const auto action : {catalog::ThresholdAction::warn, catalog::ThresholdAction::block})
    text.sample(limit_events_.limit_events_written(action), labels({{"action", catalog::to_string(action)}}));
  text.gauge("metergate_admitting", "1 while exchanges can be admitted.", keeper_->admitting() ? 1 : 0);
  std::string all = data_plane_->metrics() + store_metrics(health, clock_.now()) + text.take();
  if (journals_.journal) all += journal_metrics(*journals_.journal, journal_segment_bytes, health.journal_error);
  if (!database_.empty()) all += database_metrics(database_);
  if (tracing_) all += tracing_->metrics();
  return all + read_limit_metrics(*keeper_, catalog_->current(), static_cast<std::size_t>(config_.metrics.limits));
}

base::Status Program::ready() const {
  if (!keeper_->admitting()) return base::fail(base::ErrorType::unavailable, keeper_->halted_because());
  const quota::Keeper::Health health = keeper_->health();
  if (!health.last_error.empty())
    return base::fail(base::ErrorType::unavailable, fmt::format("the store failed: {}", health.last_error));
  if (!health.journal_error.empty())
    return base::fail(base::ErrorType::unavailable, fmt::format("the journal failed: {}", health.journal_error));
  return {};
}

base::Result<FirstKeys> create_first_keys(catalog::Catalog& catalog, bool admin_key_given) {
  FirstKeys keys;
  const auto snapshot = catalog.current();
  const bool has_admin = std::ranges::any_of(
      snapshot->keys(), [](const catalog::Key& key) { return key.role == catalog::KeyRole::admin; });
  if (!has_admin && !admin_key_given) {
    TRY(const auto admin,
        catalog.create_key({.account = {}, .name = "first admin", .role = catalog::KeyRole::admin, .expires = {}}));
    keys.admin = admin.secret;
  }
  if (!snapshot->accounts().empty()) return keys;
  TRY(const auto account, catalog.create_account({.name = "first", .external_id = {}, .parent = {}}));
  TRY(const auto limit, catalog.create_limit({.subject = account.id,
                                              .name = {},
                                              .unit = catalog::LimitUnit::usd,
                                              .window = {.kind = base::WindowPolicy::Kind::day},
                                              .amount = base::Money::nanos_per_usd}));
  TRY(const auto key,
      catalog.create_key({.account = account.id, .name = "first", .role = catalog::KeyRole::data, .expires = {}}));
  keys.data = key.secret;
  return keys;
}

}  // namespace app
