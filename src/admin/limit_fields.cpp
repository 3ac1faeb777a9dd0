#include "admin/limit_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace admin {
namespace {

base::Result<std::optional<catalog::Clamp>> read_clamp(base::JsonFields& fields) {
  TRY(const auto clamp, fields.boolean("clamp"));
  if (!clamp) return std::nullopt;
  return *clamp ? catalog::Clamp::on : catalog::Clamp::off;
}

// Two words for one question; nullopt if the field is absent.
template <class Enum>
base::Result<std::optional<Enum>> read_choice(base::JsonFields& fields, std::string_view name, Enum first,
                                              Enum second) {
  TRY(const auto text, fields.string(name));
  if (!text) return std::nullopt;
  for (const Enum value : {first, second})
    if (*text == to_string(value)) return value;
  return base::invalid(
      fmt::format("'{}' is '{}'; it is '{}' or '{}'", name, text->substr(0, 64), to_string(first), to_string(second)),
      std::string(name));
}
base::Result<std::optional<catalog::LimitMode>> read_mode(base::JsonFields& fields) {
  return read_choice(fields, "mode", catalog::LimitMode::enforce, catalog::LimitMode::shadow);
}
base::Result<std::optional<catalog::LimitAdmission>> read_admission(base::JsonFields& fields) {
  return read_choice(fields, "admission", catalog::LimitAdmission::reserve, catalog::LimitAdmission::lazy);
}

// An empty filter would look as if it filtered.
base::Result<std::string> read_filter(base::JsonFields& fields, std::string_view name) {
  TRY(auto text, fields.string(name));
  if (text && text->empty())
    return base::invalid(fmt::format("'{0}' is empty; leave it out for any {0}", name), std::string(name));
  return std::move(text).value_or("");
}

// [{"percent": 80, "action": "warn"}]; nullopt if the field is absent.
base::Result<std::optional<catalog::Thresholds>> read_thresholds(base::JsonFields& fields) {
  const base::Json* const list = fields.any("thresholds");
  if (list == nullptr) return std::nullopt;
  if (list->kind() != base::Json::Kind::array)
    return base::invalid(R"('thresholds' must be a list such as [{"percent": 80, "action": "warn"}])", "thresholds");
  catalog::Thresholds thresholds;
  for (const base::Json& item : list->items()) {
    const std::string path = fmt::format("thresholds[{}]", thresholds.size());
    TRY(auto members, base::JsonFields::of(item, path));
    TRY(const auto percent, members.integer("percent"));
    TRY(const auto action, members.required_string("action"));
    TRY_STATUS(members.finish());
    const std::string percent_path = members.path_of("percent");
    if (!percent) return base::invalid(fmt::format("'{}' is missing", percent_path), percent_path);
    if (*percent < 1 || *percent > catalog::threshold_percent_max)
      return base::invalid(
          fmt::format("'{}' is {}; it is 1 to {}", percent_path, *percent, catalog::threshold_percent_max),
          percent_path);
    const auto known = catalog::threshold_action_from(action);
    if (!known) return base::invalid(known.error().message, members.path_of("action"));
    thresholds.push_back({.percent = static_cast<int>(*percent), .action = *known});
  }
  return thresholds;
}

// A change to what a limit is would make its counters mean something else.
base::Status refuse_identity(base::JsonFields& fields, std::span<const std::string_view> identity) {
  const auto refuse = [&](std::string_view name) -> base::Status {
    if (fields.any(name) == nullptr) return {};
    return base::invalid(fmt::format("'{}' is part of what the limit is; remove the limit and create another", name),
                         std::string(name));
  };
  for (const std::string_view name : identity) TRY_STATUS(refuse(name));
  for (const std::string_view name : {"unit", "window", "time_zone", "model", "route", "tag"}) TRY_STATUS(refuse(name));
  return {};
}

}  // namespace

base::Status check_route(const Options& options, const std::string& route, std::string_view field) {
  if (route.empty() || !options.routes) return {};
  if (std::ranges::find(*options.routes, route) != options.routes->end()) return {};
  return base::invalid(fmt::format("there is no route '{}'; the configuration has: {}", route.substr(0, 64),
                                   fmt::join(*options.routes, ", ")),
                       std::string(field));
}

base::Result<std::optional<int>> read_refusal_status(base::JsonFields& fields) {
  TRY(const auto status, fields.integer("status"));
  if (!status) return std::nullopt;
  if (*status != 402 && *status != 429)
    return base::invalid("'status' must be 402, which client libraries do not retry, or 429", "status");
  return static_cast<int>(*status);
}

base::Result<base::WindowPolicy> read_window(base::JsonFields& fields) {
  TRY(const auto text, fields.required_string("window"));
  TRY(const auto zone_name, fields.string("time_zone"));
  base::TimeZone zone;
  if (zone_name) {
    TRY(zone, base::TimeZone::find(*zone_name));
  }
  TRY(const auto window, base::parse_window(text, zone));
  if (zone_name && !base::has_zone(window))
    return base::invalid(fmt::format("'time_zone' does not matter to a window of '{}'; leave it out", text),
                         "time_zone");
  return window;
}

base::Status check_unit(const Options& options, const catalog::Unit& unit, std::string_view route) {
  if (unit != catalog::LimitUnit::named || catalog::has_weight(options.weights, unit.name(), route)) return {};
  std::set<std::string_view> known;
  for (const auto& [name, weights] : options.weights)
    if (route.empty() || name == route)
      for (const catalog::UnitWeight& one : weights) known.insert(one.unit);
  return base::invalid(
      fmt::format("'{}' is not a unit: it is not usd, tokens, input_tokens, output_tokens or requests, and {} of the "
                  "configuration has it under 'units'{}",
                  unit.name(), route.empty() ? "no route" : fmt::format("not the route '{}'", route),
                  known.empty() ? "" : fmt::format(", where there is: {}", fmt::join(known, ", "))),
      "unit");
}

base::Result<std::int64_t> read_amount(catalog::LimitUnit unit, std::string_view text) {
  auto amount = catalog::parse_amount(unit, text);
  if (!amount) return base::invalid(fmt::format("'amount': {}", amount.error().message), "amount");
  return *amount;
}

base::Result<catalog::NewLimit> read_terms(base::JsonFields& fields, const Options& options) {
  catalog::NewLimit wanted;
  TRY(const auto unit, fields.required_string("unit"));
  TRY(wanted.window, read_window(fields));
  TRY(const auto amount, fields.decimal("amount"));
  TRY(auto name, fields.string("name"));
  TRY(const auto status, read_refusal_status(fields));
  TRY(const auto clamp, read_clamp(fields));
  TRY(wanted.filter.model, read_filter(fields, "model"));
  TRY(wanted.filter.route, read_filter(fields, "route"));
  TRY(wanted.filter.tag, read_filter(fields, "tag"));
  TRY(const auto mode, read_mode(fields));
  TRY(const auto admission, read_admission(fields));
  TRY(const auto thresholds, read_thresholds(fields));
  TRY_STATUS(fields.finish());
  TRY_STATUS(check_route(options, wanted.filter.route, "route"));

  TRY(wanted.unit, catalog::unit_from(unit));
  TRY_STATUS(check_unit(options, wanted.unit, wanted.filter.route));
  if (!amount) return base::invalid("'amount' is missing", "amount");
  TRY(wanted.amount, read_amount(wanted.unit, *amount));
  wanted.name = std::move(name).value_or("");
  wanted.refusal_status = status.value_or(wanted.refusal_status);
  wanted.clamp = clamp.value_or(wanted.clamp);
  wanted.mode = mode.value_or(wanted.mode);
  wanted.admission = admission.value_or(wanted.admission);
  wanted.thresholds = thresholds.value_or(wanted.thresholds);
  return wanted;
}

base::Result<catalog::LimitEdit> read_limit_edit(base::JsonFields& fields, catalog::LimitUnit unit,
                                                 std::span<const std::string_view> identity) {
  catalog::LimitEdit edit;
  TRY(edit.name, fields.string("name"));
  TRY(const auto amount, fields.decimal("amount"));
  TRY(edit.refusal_status, read_refusal_status(fields));
  TRY(edit.clamp, read_clamp(fields));
  TRY(edit.mode, read_mode(fields));
  TRY(edit.admission, read_admission(fields));
  TRY(edit.thresholds, read_thresholds(fields));
  TRY_STATUS(refuse_identity(fields, identity));
  TRY_STATUS(fields.finish());
  if (amount) {
    TRY(edit.amount, read_amount(unit, *amount));
  }
  if (edit == catalog::LimitEdit{})
    return base::invalid(
        "nothing to change: give 'name', 'amount', 'status', 'clamp', 'mode', 'admission' or 'thresholds'");
  return edit;
}

}  // namespace admin
