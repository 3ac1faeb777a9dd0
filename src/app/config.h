#pragma once
// What the operator declares in metergate.yaml: listeners, upstreams, routes, prices and patience. Every key is
// described in docs/reference/configuration.md and shown in metergate.example.yaml.
//
// Always true: nothing is ignored silently. An unknown or repeated key, an unset variable, a value of the wrong type
// or one that YAML readers understand differently is a finding with its file and line. No value that came from the
// environment is ever printed.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/finding.h"
#include "app/substitute.h"
#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "catalog/limiter.h"
#include "catalog/route.h"
#include "journal/disk.h"
#include "meter/price_book.h"
#include "net/address.h"
#include "net/trusted_proxies.h"
#include "sign_on/provider.h"
#include "telemetry/collector.h"
#include "telemetry/tracer.h"

namespace app {

// The certificate that clients of the proxy see, as PEM files.
struct TlsFiles {
  std::string certificate;  // leaf first, then intermediates
  std::string key;
};

// What the file of `prices.overrides` has (app/price_overrides.h).
struct PriceOverrides {
  std::vector<meter::PricedModel> models;
  std::string version;  // changes with any byte of the file: a usage record says by which prices it was billed
};

// A price book: a list, and an operator's own prices on it.
struct BookSettings {
  std::string name;            // empty: of accounts that choose none
  std::string file;            // empty: the book built into the binary
  std::string overrides_file;  // empty: none
  PriceOverrides overrides;    // what that file has
};

struct PriceSettings {
  BookSettings standard;
  std::vector<BookSettings> books;                  // that accounts choose by name; names are unique
  std::optional<meter::PricedModel> unknown_model;  // none: a model without a price is refused
};

// How long an exchange may wait for its admission, and how small an answer is still worth paying for.
struct AdmissionSettings {
  std::int64_t wait_ms = 1'000;            // for money that others hold, before limit_busy
  std::int64_t store_deadline_ms = 2'000;  // for a grant of the store, before unavailable
  std::int64_t clamp_min_output_tokens = 16;
};

// What becomes of money that a call holds because nobody knows its cost.
struct UnresolvedSettings {
  std::optional<std::int64_t> settle_after_ms = 7 * 86'400'000LL;  // then it counts as spent; none: never
};

// How long single usage records are kept. Their sums are kept for ever.
struct UsageSettings {
  std::int64_t keep_days = 0;  // 0: for ever
};

// How operators log in.
struct SessionSettings {
  std::int64_t hours = 24;            // that a login lasts
  std::vector<base::Secret> secrets;  // that sign them, the first one first; none: those in the data folder
};

// Whom people may log in with.
struct SignOnSettings {
  sign_on::Provider provider;
  std::string ca_file;  // PEM of the authorities to trust in place of the system's; empty: the system's
};

// What limiters may call, and where they are called.
struct LimiterSettings {
  catalog::AddressRules addresses = catalog::AddressRules::any_public();
  std::string public_url;  // what clients call the proxy by, without a '/' at its end; empty: where it listens
};

struct JournalSettings {
  journal::Durability durability = journal::Durability::process;
};

// How much /metrics tells.
struct MetricsSettings {
  std::int64_t limits = 200;  // of so many single limits at most; 0: of none
};

// Where spans of calls go, and of which calls.
struct TracingSettings {
  telemetry::Collector collector;
  std::string ca_file;  // PEM of the authorities to trust in place of the system's; empty: the system's
  std::string service_name = "metergate";
  telemetry::TracerOptions tracer;
};

struct LogSettings {
  base::log::Level level = base::log::Level::info;
  base::log::Format format = base::log::Format::text;
};

struct Config {
  std::string file;  // where it was read; empty: from the environment alone
  net::Address listen{"127.0.0.1", 8080};
  std::optional<net::Address> control = net::Address{"127.0.0.1", 8081};  // none: switched off
  std::int64_t control_calls_a_minute = 12'000;                           // of one caller; 0: as many as he likes
  net::TrustedProxies trusted_proxies;                                    // in front of both
  std::string data = "./data";
  int threads = 1;  // worker threads of the data plane; the number of cores unless told
  std::optional<TlsFiles> tls;
  // Names are unique. Empty only if there is neither a file nor a provider in the environment.
  std::vector<catalog::Upstream> upstreams;
  std::vector<catalog::Route> routes;  // names and prefixes are unique, each upstream exists
  PriceSettings prices;
  AdmissionSettings admission;
  UnresolvedSettings unresolved;
  UsageSettings usage;
  SessionSettings sessions;
  std::optional<SignOnSettings> oidc;  // none: with passwords and admin keys alone
  LimiterSettings limiters;
  JournalSettings journal;
  std::int64_t drain_ms = 30'000;
  MetricsSettings metrics;
  std::optional<TracingSettings> tracing;  // none: nothing is traced
  LogSettings log;

  // The upstream of that name, or nullptr.
  const catalog::Upstream* find_upstream(std::string_view name) const;
};

// What the command line says in place of the file.
struct ConfigOverrides {
  std::optional<std::string> data;
  std::optional<std::string> listen;   // "127.0.0.1:8080"
  std::optional<std::string> control;  // "127.0.0.1:8081" or "off"
};

// A configuration as far as it could be read, with everything that is wrong with it, by line. It is fit for use only
// if there are no findings.
struct ConfigReport {
  Config config;
  std::vector<Finding> findings;
};

// "metergate.yaml" in the working directory if there is one: what is read unless the command line names a file.
std::optional<std::string> default_config_file();

// Reads the file, or without one the environment: OPENAI_API_KEY and OPENAI_BASE_URL make the upstream `openai`.
// Looks whether the files that it names can be read, and at no others.
ConfigReport check_config(const std::optional<std::string>& file, const Environment& environment,
                          const ConfigOverrides& overrides = {});
// The same, for who needs a configuration that is fit for use; the error is the first finding and says how many
// follow.
base::Result<Config> load_config(const std::optional<std::string>& file, const Environment& environment,
                                 const ConfigOverrides& overrides = {});

}  // namespace app
