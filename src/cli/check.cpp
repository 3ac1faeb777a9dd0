#include <fmt/format.h>

#include <ostream>

#include "app/config.h"
#include "cli/verbs.h"

namespace cli {
namespace {

int check(const std::optional<std::string>& given, std::ostream& out) {
  const auto file = given ? given : app::default_config_file();
  const auto report = app::check_config(file, app::process_environment());
  for (const app::Finding& finding : report.findings) out << finding.to_string() << "\n";
  if (!report.findings.empty()) return 1;

  const app::Config& config = report.config;
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
    }
    for (const auto& weight : route.weights)
      out << fmt::format("         a call takes {} {}{}\n", weight.weight, weight.unit,
                         weight.model.empty() ? "" : fmt::format(", model {}", weight.model));
  }
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
