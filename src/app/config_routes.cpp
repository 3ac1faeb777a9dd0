#include "app/config_routes.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/config_values.h"
#include "base/json.h"
#include "base/window.h"
#include "catalog/base_url.h"
#include "catalog/limit_filter.h"
#include "catalog/unit.h"
#include "catalog/upstream_secrets.h"
#include "gateway/upstreams.h"
#include "meter/dialect.h"
#include "meter/report_reader.h"
#include "net/plain_path.h"

namespace app {
namespace {

// Where the key goes.
void read_credential(YamlMap map, catalog::Credential& into) {
  using Place = catalog::Credential::Place;
  static constexpr std::string_view places[] = {"bearer", "header", "query", "aws_sigv4", "none"};
  into.name.clear();
  if (!map.has("in")) map.refuse("in", "is missing");
  if (const auto place = map.one_of("in", places)) into.place = static_cast<Place>(*place);
  const bool named = into.place == Place::header || into.place == Place::query;
  map.string("name", into.name);
  if (named && !map.has("name")) map.refuse("name", "is missing; it names the field or the parameter");
  if (!named && map.has("name")) map.refuse("name", "has no use here; only a header or a query parameter has a name");
  if (!into.name.empty() && !is_name(into.name)) map.refuse("name", name_rule);
  map.string("region", into.region);
  if (into.place == Place::aws && !is_name(into.region))
    map.refuse("region", "is missing or no name of a region: it is part of the signature, such as us-east-1");
  if (into.place != Place::aws && map.has("region"))
    map.refuse("region", "has no use here; only a signature of AWS has a region");
  if (into.place == Place::header && net::field_name_of(into.name) != net::FieldName::other &&
      !gateway::is_credential(net::field_name_of(into.name)))
    map.refuse("name", "is a field that the gateway writes itself");
  map.finish();
}

void read_timeouts(YamlMap map, catalog::Timeouts& into) {
  map.integer("connect_ms", into.connect_ms, duration_ms);
  map.integer("first_byte_ms", into.first_byte_ms, duration_ms);
  map.integer("idle_ms", into.idle_ms, duration_ms);
  map.integer("total_ms", into.total_ms, duration_ms);
  map.finish();
}

void check_prefix(YamlMap& map, const std::string& prefix) {
  if (!prefix.starts_with('/') || prefix.ends_with('/')) {
    map.refuse("prefix", "must begin with '/' and not end with one, such as /v1");
  } else if (prefix.find_first_of("?#% ") != std::string::npos || prefix.contains("//") || prefix.contains("/.")) {
    map.refuse("prefix", "must be a plain path without '?', '#', '%', spaces, '//' or segments that begin with '.'");
  }
}

void read_idempotency(YamlMap map, catalog::Idempotency& into) {
  if (std::string text; map.has("ttl")) {
    map.string("ttl", text);
    const auto ttl = text.empty() ? std::nullopt : base::parse_span_ms(text);
    if (ttl) into.ttl_ms = *ttl;
    if (!ttl) map.refuse("ttl", "must be a whole number of s, m, h, d or w from 1s to 366d, such as 24h");
  }
  map.integer("max_reply_bytes", into.max_reply_bytes, body_bytes);
  map.integer("max_wait_ms", into.max_wait_ms, {0, 600'000});
  map.finish();
}

// What no call can ever come to is a mistake: an entry behind one that takes every model, or a second one for the same.
void check_weights(std::vector<YamlMap>& maps, const std::vector<catalog::UnitWeight>& weights) {
  for (std::size_t i = 0; i < weights.size(); ++i)
    for (std::size_t before = 0; before < i; ++before)
      if (weights[before].unit == weights[i].unit &&
          (weights[before].model.empty() || weights[before].model == weights[i].model)) {
        maps[i].refuse("", fmt::format("never counts: units[{}] takes these calls already", before));
        break;
      }
}

void read_weights(YamlMap& route, std::vector<catalog::UnitWeight>& into) {
  if (!route.has("units")) return;
  std::vector<YamlMap> maps = route.list("units");
  for (YamlMap& map : maps) {
    catalog::UnitWeight& one = into.emplace_back();
    for (const std::string_view key : {"unit", "weight"})
      if (!map.has(key)) map.refuse(key, "is missing");
    map.string("unit", one.unit);
    if (!one.unit.empty() && !catalog::is_unit_name(one.unit))
      map.refuse("unit", catalog::unit_from(one.unit)
                             ? fmt::format("is '{}', which is counted without a weight", one.unit)
                             : "must have 1 to 64 small letters, digits and '_', and begin with a letter");
    map.integer("weight", one.weight, {1, catalog::UnitWeight::most});
    map.string("model", one.model);
    if (const auto fits = catalog::check_filter({.model = one.model}); !fits) map.refuse("model", fits.error().message);
    map.finish();
  }
  check_weights(maps, into);
}

// `key` says the name of an upstream.
void check_upstream(YamlMap& map, std::string_view key, const std::string& upstream, const Config& config) {
  if (upstream.empty() || config.find_upstream(upstream) != nullptr) return;
  std::vector<std::string_view> names;
  for (const auto& known : config.upstreams) names.push_back(known.name);
  const auto near = base::near_miss(upstream, names);
  map.refuse(key, fmt::format("names '{}', which is not under 'upstreams'{}", upstream,
                              near ? fmt::format("; did you mean '{}'?", *near) : std::string()));
}

// One upstream, or a list of them.
void read_targets(YamlMap& route, const Config& config, std::vector<catalog::Target>& into) {
  std::string single;
  route.string("upstream", single);
  if (!route.has("upstreams")) {
    if (!route.has("upstream")) route.refuse("upstream", "is missing");
    check_upstream(route, "upstream", single, config);
    return into.push_back({.upstream = single});
  }
  if (route.has("upstream"))
    route.refuse("upstreams", "stands beside 'upstream'; list all of them here, or name one there");
  for (YamlMap& map : route.list("upstreams")) {
    catalog::Target target;
    if (!map.has("name")) map.refuse("name", "is missing");
    map.string("name", target.upstream);
    check_upstream(map, "name", target.upstream, config);
    map.integer("order", target.order, {1, static_cast<std::int64_t>(catalog::Target::most)});
    map.integer("weight", target.weight, {1, 1'000});
    for (auto& [asked, model] : map.named_strings("models")) target.models.emplace(asked, model);
    const bool listed = std::ranges::any_of(into, [&](const catalog::Target& other) {
      return other.upstream == target.upstream && other.models == target.models;
    });
    if (listed)
      map.refuse("name", fmt::format("'{}' is listed already; with other 'models' it may be", target.upstream));
    if (into.size() == catalog::Target::most)
      map.refuse("", fmt::format("is one too many: a route has {} upstreams at most", catalog::Target::most));
    map.finish();
    into.push_back(std::move(target));
  }
}

// "/usage/credits" as "usage.credits"; empty: it is no pointer to a member.
std::string member_of(std::string_view pointer) {
  std::string member;
  if (!pointer.starts_with('/') || pointer.ends_with('/') || pointer.contains("//")) return {};
  if (pointer.find_first_of(".[]*~\"\\") != std::string_view::npos) return {};
  for (const char c : pointer.substr(1)) member += c == '/' ? '.' : c;
  return member;
}

void read_report(YamlMap map, catalog::Report& into) {
  constexpr std::int64_t billion = 1'000'000'000;
  std::string pointer;
  map.string("header", into.header);
  map.string("pointer", pointer);
  if (map.has("header") == map.has("pointer"))
    map.refuse("", "must say where the number stands: 'header' or 'pointer', one of them");
  if (!pointer.empty()) {
    into.member = member_of(pointer);
    if (into.member.empty())
      map.refuse("pointer", "must be a JSON pointer made of member names, such as /usage/credits");
  }
  if (!into.header.empty() && !is_name(into.header)) map.refuse("header", name_rule);

  std::string price = "1";
  map.decimal("unit_price", price);
  const auto parsed = base::Price::parse_usd(price, billion);
  if (parsed && *parsed > base::Price()) {
    into.price = *parsed;
  } else if (!price.empty()) {
    map.refuse("unit_price", "must be USD for one unit, above zero and with at most 9 decimals, such as \"0.008\"");
  }
  std::string most;
  map.decimal("most", most);
  if (!map.has("most")) map.refuse("most", "is missing: the most units that one call reports, which it reserves");
  const auto billionths = most.empty() ? std::nullopt : meter::billionths_of(most);
  if (billionths && *billionths > 0) {
    into.most = *billionths;
  } else if (!most.empty()) {
    map.refuse("most", "must be a number of units above zero, such as 10 or \"0.5\"");
  }
  map.finish();
}

void read_call(YamlMap map, std::vector<catalog::CallRule>& into) {
  using Meter = catalog::CallRule::Meter;
  static constexpr std::string_view meters[] = {"requests", "flat", "reported"};
  static constexpr std::string_view methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  catalog::CallRule call;
  for (const std::string_view key : {"name", "path", "meter"})
    if (!map.has(key)) map.refuse(key, "is missing");
  map.string("name", call.name);
  if (!call.name.empty() && !is_name(call.name)) map.refuse("name", name_rule);
  if (const auto method = map.one_of("method", methods)) call.method = methods[*method];
  map.string("path", call.path);
  if (!call.path.empty()) {
    const auto plain = net::plain_path(call.path);
    if (!call.path.starts_with('/') || !plain || *plain != call.path || call.path.find('?') != std::string::npos)
      map.refuse("path", "must be a plain path in small letters, such as /search, /items/* or /files/**");
    if (const auto rest = call.path.find("**"); rest != std::string::npos && rest + 2 != call.path.size())
      map.refuse("path", "has '**' before its end; there '*' stands for one segment");
  }
  if (const auto meter = map.one_of("meter", meters)) call.meter = static_cast<Meter>(*meter);
  std::string price;
  map.decimal("price", price);
  if (map.has("price") != (call.meter == Meter::flat))
    map.refuse("price", call.meter == Meter::flat ? "is missing: USD for one call" : "has no use but with meter: flat");
  const auto parsed = price.empty() ? std::nullopt : std::optional(base::Money::parse_usd(price));
  if (parsed && *parsed && **parsed > base::Money::zero()) {
    call.price = **parsed;
  } else if (!price.empty()) {
    map.refuse("price", "must be USD for one call, above zero and with at most 9 decimals, such as \"0.005\"");
  }
  auto report = map.map("report");
  if (report.has_value() != (call.meter == Meter::reported))
    map.refuse("report", call.meter == Meter::reported ? "is missing: where the reply says what it cost"
                                                       : "has no use but with meter: reported");
  if (report) read_report(std::move(*report), call.report);
  map.finish();
  if (std::ranges::find(into, call.name, &catalog::CallRule::name) != into.end())
    map.refuse("name", fmt::format("'{}' is taken by another call of the route", call.name));
  for (const catalog::CallRule& before : into)
    if (catalog::fits_path(before.path, call.path) && (before.method.empty() || before.method == call.method)) {
      map.refuse("path", fmt::format("is never reached: '{}' takes these calls already", before.name));
      break;
    }
  into.push_back(std::move(call));
}

// Whose dialects and prices: as the file says, else as the host does, else OpenAI's, which most servers speak.
void read_provider(YamlMap& map, catalog::Upstream& into) {
  std::vector<std::string_view> names(meter::providers().begin(), meter::providers().end());
  names.push_back("other");
  if (const auto known = meter::provider_of_host(into.host); !known.empty()) into.provider = known;
  if (const auto provider = map.one_of("provider", names)) into.provider = names[*provider];
  into.credential = catalog::default_credential(into.provider, into.host);
}

// What an upstream without a dialect answers can be metered by rules only.
void check_provider(YamlMap& map, const catalog::Route& route, const Config& config) {
  for (const catalog::Target& target : route.targets) {
    const catalog::Upstream* const upstream = config.find_upstream(target.upstream);
    if (upstream == nullptr) continue;
    if (!route.calls.empty() && !target.models.empty())
      map.refuse("calls", "name no model: leave 'models' out of 'upstreams'");
    if (!route.calls.empty() && upstream->credential.place == catalog::Credential::Place::aws)
      map.refuse("calls", fmt::format("stream their bodies, and '{}' signs whole ones", target.upstream));
    if (upstream->provider != "other" || !route.calls.empty()) continue;
    map.refuse("calls", fmt::format("is missing: the upstream '{}' speaks no LLM dialect, so say which calls may be "
                                    "made and how each is metered",
                                    target.upstream));
  }
}

}  // namespace

void read_upstream(std::string_view name, YamlMap map, std::vector<catalog::Upstream>& into) {
  static constexpr std::string_view cap_fields[] = {"max_tokens", "max_completion_tokens"};
  catalog::Upstream upstream;
  upstream.name = name;
  if (!is_name(name)) map.refuse("", fmt::format("is not a name for an upstream, which {}", name_rule));

  std::string url;
  map.string("url", url);
  if (!map.has("url")) {
    map.refuse("url", "is missing");
  } else if (!url.empty()) {
    if (const auto status = catalog::parse_base_url(url, upstream); !status) map.refuse("url", status.error().message);
  }
  read_provider(map, upstream);
  map.string("key", upstream.secret);
  if (auto credential = map.map("credential")) read_credential(std::move(*credential), upstream.credential);
  if (!catalog::is_sendable(upstream.secret))
    map.refuse("key", "holds a space or a control character, which a header cannot carry");
  read_file_name(map, "ca_file", upstream.ca_file);
  if (!upstream.ca_file.empty() && upstream.scheme == "http")
    map.refuse("ca_file", "has no use with an http:// url; write https:// or leave it out");
  upstream.output_cap_field = catalog::default_output_cap_field(upstream.host);
  if (const auto field = map.one_of("output_cap_field", cap_fields)) upstream.output_cap_field = cap_fields[*field];
  for (auto& [deployment, model] : map.named_strings("deployments")) upstream.deployments.emplace(deployment, model);
  static constexpr std::string_view hangups[] = {"drain", "abort"};
  if (const auto hangup = map.one_of("on_hangup", hangups)) upstream.on_hangup = static_cast<catalog::Hangup>(*hangup);
  static constexpr std::string_view stated_costs[] = {"ignored", "trusted"};
  if (map.one_of("stated_cost", stated_costs) == 1) upstream.stated_cost = catalog::StatedCost::trusted;
  if (auto circuit = map.map("circuit")) {
    circuit->integer("failures", upstream.circuit.failures, {0, 1'000});
    circuit->integer("cooldown_ms", upstream.circuit.cooldown_ms, duration_ms);
    circuit->finish();
  }
  map.finish();
  into.push_back(std::move(upstream));
}

void read_route(YamlMap map, const Config& config, std::vector<catalog::Route>& into) {
  catalog::Route route;
  route.name.clear();
  map.string("name", route.name);
  map.string("prefix", route.prefix);
  for (const std::string_view key : {"name", "prefix"})
    if (!map.has(key)) map.refuse(key, "is missing");
  read_targets(map, config, route.targets);

  if (!route.name.empty() && !is_name(route.name)) map.refuse("name", name_rule);
  if (map.has("prefix")) check_prefix(map, route.prefix);
  if (auto timeouts = map.map("timeouts")) read_timeouts(std::move(*timeouts), route.timeouts);
  map.integer("max_body_bytes", route.max_body_bytes, body_bytes);
  map.integer("max_reply_bytes", route.max_reply_bytes, body_bytes);
  if (auto idempotency = map.map("idempotency")) read_idempotency(std::move(*idempotency), route.idempotency.emplace());
  read_weights(map, route.weights);
  static constexpr std::string_view credentials[] = {"gateway", "client"};
  route.client_credentials = map.one_of("credentials", credentials) == 1;
  if (map.has("calls"))
    for (YamlMap& call : map.list("calls")) read_call(std::move(call), route.calls);
  check_provider(map, route, config);
  map.finish();

  for (const catalog::Route& other : into) {
    if (other.name == route.name) map.refuse("name", fmt::format("'{}' is taken by another route", route.name));
    if (other.prefix == route.prefix) map.refuse("prefix", fmt::format("{} is owned by another route", route.prefix));
  }
  into.push_back(std::move(route));
}

}  // namespace app
