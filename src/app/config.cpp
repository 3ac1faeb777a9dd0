#include "app/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "app/config_routes.h"
#include "app/config_values.h"
#include "app/environment_upstreams.h"
#include "app/limiter_settings.h"
#include "app/price_overrides.h"
#include "app/sign_on_settings.h"
#include "app/tracing_settings.h"
#include "app/yaml_reader.h"
#include "base/json.h"
#include "base/window.h"
#include "catalog/book_name.h"
#include "catalog/upstream_secrets.h"
#include "identity/session.h"

namespace app {
namespace {

constexpr std::string_view default_file = "metergate.yaml";

int number_of_cores() { return static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

constexpr std::string_view address_rule = "must be an address and a port, such as 127.0.0.1:8080 or [::1]:8080";

void read_address(YamlMap& map, std::string_view key, net::Address& into) {
  std::string text;
  map.string(key, text);
  if (text.empty()) return;
  if (auto address = net::Address::parse(text)) {
    into = *address;
  } else {
    map.refuse(key, address_rule);
  }
}

void read_price(YamlMap& map, std::string_view key, meter::PriceName name, meter::PricedModel& into) {
  constexpr std::int64_t tokens_per_price = 1'000'000;
  std::string text;
  map.decimal(key, text);
  if (!map.has(key)) map.refuse(key, "is missing");
  if (text.empty()) return;
  if (const auto price = base::Price::parse_usd(text, tokens_per_price)) {
    into.prices.add(name, base::FinePrice::from(*price));
  } else {
    map.refuse(key, "must be USD per million tokens, zero or more, such as \"2.50\"");
  }
}

void read_overrides(YamlMap& map, BookSettings& into) {
  read_file_name(map, "overrides", into.overrides_file);
  const auto text = into.overrides_file.empty() ? std::nullopt : read_whole(into.overrides_file);
  if (!text) return;
  // Prices come from the file alone: a variable in it is one that is not set.
  const Environment nothing = [](std::string_view) { return std::optional<std::string>(); };
  YamlSource source{.file = into.overrides_file, .environment = nothing, .findings = {}};
  into.overrides = read_price_overrides(*text, source);
  for (const Finding& finding : source.findings)
    map.refuse("overrides", fmt::format("names a file with an error: {}", finding.to_string()));
}

void check_book(YamlMap& map, const std::string& text) {
  const auto book = meter::PriceBook::parse(text);
  if (!book) return map.refuse("file", fmt::format("names a price book with an error: {}", book.error().message));
  if (!book->models().empty() && std::ranges::none_of(book->models(), &meter::PricedModel::is_ever_priced))
    map.refuse("file",
               "names a price book in which no model has a price above zero: rows have LiteLLM's names of prices, such "
               "as input_cost_per_token, in USD for one unit");
}

void read_book(YamlMap& map, BookSettings& into) {
  read_overrides(map, into);
  if (!map.has("file")) return;
  read_file_name(map, "file", into.file);
  if (const auto text = into.file.empty() ? std::nullopt : read_whole(into.file)) check_book(map, *text);
}

// What a book does not say of its own is the standard one's, but for its overrides: they are a contract's.
void read_named_book(const std::string& name, YamlMap map, PriceSettings& into) {
  if (!is_name(name)) map.refuse("", fmt::format("is no name of a book: it {}", name_rule));
  if (name == catalog::default_book || name == "inherit")
    map.refuse("", fmt::format("cannot be a book's name: '{}' says where an account's prices come from", name));
  BookSettings book{.name = name, .file = into.standard.file, .overrides_file = {}, .overrides = {}};
  read_book(map, book);
  map.finish();
  into.books.push_back(std::move(book));
}

void read_prices(YamlMap map, PriceSettings& into) {
  read_book(map, into.standard);
  for (auto& [name, book] : map.named_maps("books")) read_named_book(name, std::move(book), into);
  if (auto unknown = map.map("unknown_model")) {
    meter::PricedModel price;
    price.name = "prices.unknown_model";
    price.zeros_count = true;
    read_price(*unknown, "input", meter::PriceName::input_cost_per_token, price);
    read_price(*unknown, "output", meter::PriceName::output_cost_per_token, price);
    unknown->integer("max_output_tokens", price.max_output_tokens, {1, 100'000'000});
    if (!unknown->has("max_output_tokens")) unknown->refuse("max_output_tokens", "is missing");
    unknown->finish();
    into.unknown_model = std::move(price);
  }
  map.finish();
}

void read_admission(YamlMap map, AdmissionSettings& into) {
  map.integer("wait_ms", into.wait_ms, {0, 60'000});
  map.integer("store_deadline_ms", into.store_deadline_ms, {1, 60'000});
  map.integer("clamp_min_output_tokens", into.clamp_min_output_tokens, {1, 1'000'000});
  map.finish();
}

void read_unresolved(YamlMap map, UnresolvedSettings& into) {
  if (map.is_word("settle_after", "never")) {
    into.settle_after_ms.reset();
  } else if (std::string text; map.has("settle_after")) {
    map.string("settle_after", text);
    if (!text.empty()) into.settle_after_ms = base::parse_span_ms(text);  // else the map has refused it
    if (!into.settle_after_ms)
      map.refuse("settle_after", "must be a whole number of s, m, h, d or w from 1s to 366d, such as 7d, or never");
  }
  map.finish();
}

void read_usage(YamlMap map, UsageSettings& into) {
  map.integer("keep_days", into.keep_days, {0, 36'500});
  map.finish();
}

void read_sessions(YamlMap map, SessionSettings& into) {
  map.integer("hours", into.hours, {1, 720});
  for (const std::string_view key : {"secret", "previous_secret"}) {
    if (!map.has(key)) continue;
    std::string text;
    map.string(key, text);
    if (text.empty()) continue;  // the map has refused it
    into.secrets.emplace_back(std::move(text));
    if (const auto signs = identity::SigningKeys::of({into.secrets.back()}); !signs)
      map.refuse(key, signs.error().message);
  }
  if (map.has("previous_secret") && !map.has("secret"))
    map.refuse("previous_secret", "has no 'secret' that comes after it");
  map.finish();
}

void read_journal(YamlMap map, JournalSettings& into) {
  static constexpr std::string_view durabilities[] = {"process", "power"};
  if (const auto durability = map.one_of("durability", durabilities))
    into.durability = static_cast<journal::Durability>(*durability);
  map.finish();
}

void read_metrics(YamlMap map, MetricsSettings& into) {
  map.integer("limits", into.limits, {0, 10'000});
  map.finish();
}

void read_log(YamlMap map, LogSettings& into) {
  static constexpr std::string_view levels[] = {"debug", "info", "warn", "error"};
  static constexpr std::string_view formats[] = {"text", "json"};
  if (const auto level = map.one_of("level", levels)) into.level = static_cast<base::log::Level>(*level);
  if (const auto format = map.one_of("format", formats)) into.format = static_cast<base::log::Format>(*format);
  map.finish();
}

void read_tls(YamlMap map, std::optional<TlsFiles>& into) {
  TlsFiles files;
  read_file_name(map, "certificate", files.certificate);
  read_file_name(map, "key", files.key);
  for (const std::string_view key : {"certificate", "key"})
    if (!map.has(key)) map.refuse(key, "is missing");
  map.finish();
  into = std::move(files);
}

void read_control(YamlMap& root, Config& into) {
  if (root.is_word("control", "off")) {
    into.control.reset();
  } else if (root.has("control")) {
    auto map = root.map("control");
    if (!map) return;
    read_address(*map, "listen", *into.control);
    map->integer("calls_per_minute", into.control_calls_a_minute, {0, 1'000'000});
    map->finish();
  }
}

void read_trusted_proxies(YamlMap& root, net::TrustedProxies& into) {
  std::vector<base::AddressBlock> blocks;
  for (const std::string& text : root.strings("trusted_proxies")) {
    if (const auto block = base::AddressBlock::parse(text))
      blocks.push_back(*block);
    else
      root.refuse("trusted_proxies", fmt::format("has '{}', which is neither an address nor a block of them, such as "
                                                 "10.0.0.7, 10.0.0.0/8 or 2001:db8::/32",
                                                 text));
  }
  into = net::TrustedProxies(std::move(blocks));
}

void read_file(YamlMap root, Config& config) {
  read_address(root, "listen", config.listen);
  read_control(root, config);
  read_trusted_proxies(root, config.trusted_proxies);
  root.string("data", config.data);
  std::int64_t threads = config.threads;
  root.integer("threads", threads, {1, 1024});
  config.threads = static_cast<int>(threads);
  if (auto tls = root.map("tls")) read_tls(std::move(*tls), config.tls);
  for (auto& [name, map] : root.named_maps("upstreams")) read_upstream(name, std::move(map), config.upstreams);
  if (!root.has("routes") && config.upstreams.size() > 1)
    root.refuse("routes", "is missing; with several upstreams, say which path leads to which");
  for (auto& map : root.list("routes")) read_route(std::move(map), config, config.routes);
  if (auto prices = root.map("prices")) read_prices(std::move(*prices), config.prices);
  if (auto admission = root.map("admission")) read_admission(std::move(*admission), config.admission);
  if (auto unresolved = root.map("unresolved")) read_unresolved(std::move(*unresolved), config.unresolved);
  if (auto usage = root.map("usage")) read_usage(std::move(*usage), config.usage);
  if (auto sessions = root.map("sessions")) read_sessions(std::move(*sessions), config.sessions);
  if (auto oidc = root.map("oidc")) read_sign_on(std::move(*oidc), config.oidc.emplace());
  if (auto limiters = root.map("limiters")) read_limiters(std::move(*limiters), config.limiters);
  if (auto journal = root.map("journal")) read_journal(std::move(*journal), config.journal);
  root.integer("drain_ms", config.drain_ms, {0, duration_ms.most});
  if (auto metrics = root.map("metrics")) read_metrics(std::move(*metrics), config.metrics);
  if (auto tracing = root.map("tracing")) read_tracing(std::move(*tracing), config.tracing.emplace());
  if (auto log = root.map("log")) read_log(std::move(*log), config.log);
  root.finish();
}

void apply(const ConfigOverrides& overrides, Config& config, std::vector<Finding>& findings) {
  const auto address = [&](std::string_view option, std::string_view text) {
    auto parsed = net::Address::parse(text);
    if (!parsed) findings.push_back({"", 0, fmt::format("{} {}", option, address_rule)});
    return parsed.value_or(net::Address{});
  };
  if (overrides.data) config.data = *overrides.data;
  if (overrides.listen) config.listen = address("--listen", *overrides.listen);
  if (!overrides.control) return;
  config.control = *overrides.control == "off" ? std::nullopt : std::optional(address("--control", *overrides.control));
}

}  // namespace

const catalog::Upstream* Config::find_upstream(std::string_view name) const {
  const auto at = std::ranges::find(upstreams, name, &catalog::Upstream::name);
  return at == upstreams.end() ? nullptr : &*at;
}

std::optional<std::string> default_config_file() {
  std::error_code ignored;
  return std::filesystem::exists(default_file, ignored) ? std::optional<std::string>(default_file) : std::nullopt;
}

ConfigReport check_config(const std::optional<std::string>& file, const Environment& environment,
                          const ConfigOverrides& overrides) {
  ConfigReport report;
  Config& config = report.config;
  config.threads = number_of_cores();
  YamlSource source{file.value_or(""), environment, {}};
  bool names_upstreams = false;
  if (file) {
    config.file = *file;
    const auto text = read_whole(*file);
    auto root = text ? YamlMap::parse(*text, source) : std::nullopt;
    if (!text) source.findings.push_back({*file, 0, "cannot be read"});
    if (!root) {
      report.findings = std::move(source.findings);
      return report;
    }
    names_upstreams = root->has("upstreams");
    read_file(std::move(*root), config);
  }
  report.findings = std::move(source.findings);
  std::ranges::stable_sort(report.findings, {}, &Finding::line);
  if (!names_upstreams) {
    add_environment_upstreams(environment, config, report.findings);
    if (file && config.upstreams.empty())
      report.findings.push_back({*file, 0, "'upstreams' is missing; list one, or set OPENAI_API_KEY"});
  }
  if (config.routes.empty())
    for (const catalog::Upstream& upstream : config.upstreams) add_drop_in_routes(upstream, config.routes);
  apply(overrides, config, report.findings);
  if (config.control && config.listen.port != 0 && *config.control == config.listen)
    report.findings.push_back(
        {config.file, 0, "'control.listen' and 'listen' are the same address; give each its own"});
  return report;
}

base::Result<Config> load_config(const std::optional<std::string>& file, const Environment& environment,
                                 const ConfigOverrides& overrides) {
  auto report = check_config(file, environment, overrides);
  if (report.findings.empty()) return std::move(report.config);
  auto message = report.findings.front().to_string();
  if (report.findings.size() > 1)
    message += fmt::format(" (and {} more; 'metergate check' lists them)", report.findings.size() - 1);
  return base::invalid(std::move(message));
}

}  // namespace app
