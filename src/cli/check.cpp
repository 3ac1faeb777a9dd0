#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ostream>

#include "app/config.h"
#include "app/limiter_settings.h"
#include "cli/verbs.h"

namespace cli {
namespace {

std::string what_it_costs(const catalog::CallRule& call) {
  using Meter = catalog::CallRule::Meter;
  const auto usd_of = [&](std::int64_t billionths) {
    base::CostSum sum;
    sum.add(billionths, call.report.price);
    return sum.ceil().to_usd();
  };
  switch (call.meter) {
    case Meter::requests: return "counts as a request";
    case Meter::flat: return fmt::format("{} usd", call.price.to_usd());
    case Meter::reported: break;
  }
  return fmt::format("{} usd at most, as its reply says in {}", usd_of(call.report.most),
                     call.report.header.empty() ? call.report.member : call.report.header);
}

int check(const std::optional<std::string>& given, std::ostream& out) {
  const auto file = given ? given : app::default_config_file();
  const auto report = app::check_config(file, app::process_environment());
  for (const app::Finding& finding : report.findings) out << finding.to_string() << "\n";
  if (!report.findings.empty()) return 1;

  const app::Config& config = report.config;
  const admin::LimiterOptions limiter_options = app::limiter_options(config);
  out << fmt::format("{}: no findings\n", file.value_or("the environment, without a configuration file"));
  out << fmt::format("proxy    {}{}\n", config.listen.to_string(), config.tls ? " (TLS)" : "");
  out << fmt::format("control  {}\n", config.control ? config.control->to_string() : "off");
  for (const auto& route : config.routes) {
    const bool several = route.targets.size() > 1;
    for (const auto& target : route.targets) {
      const auto& upstream = *config.find_upstream(target.upstream);
      out << fmt::format("{:9}{} -> {} ({}){}\n", &target == &route.targets.front() ? "route" : "",
                         &target == &route.targets.front() ? route.prefix : std::string(route.prefix.size(), ' '),
                         upstream.name, catalog::base_url(upstream),
                         several ? fmt::format(", order {}, weight {}", target.order, target.weight) : "");
      for (const auto& [asked, model] : target.models)
        out << fmt::format("         {} asks for {} in place of {}\n", std::string(route.prefix.size(), ' '), model,
                           asked == catalog::Target::any_model ? "any other model" : asked);
    }
    for (const auto& call : route.calls)
      out << fmt::format("         {} {}{}: {}\n", call.method.empty() ? "any" : call.method, route.prefix, call.path,
                         what_it_costs(call));
    for (const auto& weight : route.weights)
      out << fmt::format("         a call takes {} {}{}\n", weight.weight, weight.unit,
                         weight.model.empty() ? "" : fmt::format(", model {}", weight.model));
  }
  out << fmt::format("limiters {}/v1/CODE -> {}; others may go to {}\n", limiter_options.proxy_url,
                     limiter_options.base_url, fmt::join(limiter_options.addresses.rules(), ", "));
  for (const auto& book : config.prices.books)
    out << fmt::format("book     {}: {}{}\n", book.name, book.file.empty() ? "the built-in list" : book.file,
                       book.overrides_file.empty() ? "" : fmt::format(", with {}", book.overrides_file));
  if (config.routes.empty()) out << "route    /v1 -> the demo upstream, because no provider is configured\n";
  return 0;
}

}  // namespace

void add_check(CLI::App& app, std::ostream& out, int& exit_code) {
  CLI::App& verb = *app.add_subcommand("check", "Read a configuration and list all that is wrong with it");
  const auto file = std::make_shared<std::optional<std::string>>();
  verb.add_option("--config", *file, "Configuration; metergate.yaml here, if there is one");
  verb.callback([file, &out, &exit_code] { exit_code = check(*file, out); });
}

}  // namespace cli
