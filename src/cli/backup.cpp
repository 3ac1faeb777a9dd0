#include <fmt/format.h>

#include <filesystem>
#include <ostream>

#include <boost/json/serialize.hpp>

#include "app/config.h"
#include "app/restore.h"
#include "cli/verbs.h"

namespace cli {
namespace {

std::string report_of(const app::Restored& restored, const std::string& data) {
  std::string out;
  if (!restored.replaced.empty()) out += fmt::format("the store that was there is kept as {}\n", restored.replaced);
  if (restored.accepted) {
    const quota::Accepted& accepted = *restored.accepted;
    out += fmt::format("the store was older than its journals: {}\n", accepted.behind);
    out +=
        fmt::format("booked from the journals: {} calls, {} of them without an end; {} leases are unresolved\n",
                    accepted.recovery.recovered_records, accepted.open_exchanges, accepted.recovery.unaccounted_leases);
    if (!accepted.gap.empty())
      out += fmt::format(
          "the journals do not have all that was spent since: {}. So all that was left of {} limits and grants is "
          "unresolved; see "
          "'metergate unresolved list --data {}'\n",
          accepted.gap, accepted.held_limits, data);
  }
  if (!restored.behind.empty())
    out += fmt::format(
        "the store is older than its journals ({}), so what was spent since is not in it; it does not start before "
        "'metergate restore --accept --data {}'\n",
        restored.behind, data);
  return out + (restored.behind.empty() ? "restored\n" : "");
}

boost::json::value text_or_null(const std::string& text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

boost::json::object json_of(const app::Restored& restored) {
  boost::json::object out{{"replaced", text_or_null(restored.replaced)},
                          {"starts", restored.behind.empty()},
                          {"behind", text_or_null(restored.behind)},
                          {"accepted", nullptr}};
  if (!restored.accepted) return out;
  const quota::Accepted& accepted = *restored.accepted;
  out["accepted"] = {{"behind", accepted.behind},
                     {"booked", accepted.recovery.recovered_records},
                     {"interrupted", accepted.open_exchanges},
                     {"unaccounted_leases", accepted.recovery.unaccounted_leases},
                     {"gap", text_or_null(accepted.gap)},
                     {"held_limits", accepted.held_limits}};
  return out;
}

}  // namespace

void add_backup(CLI::App& app, Session& session) {
  CLI::App& verb = *app.add_subcommand("backup", "Write the whole store to a new file; a running server goes on");
  session.add_options(verb);
  const auto file = std::make_shared<std::string>();
  verb.add_option("FILE", *file, "The file; it must not exist")->required();
  session.on(verb, [file, &session]() -> base::Status {
    std::error_code error;
    const auto whole = std::filesystem::absolute(*file, error);
    if (error) return base::invalid(fmt::format("{}: {}", *file, error.message()));
    TRY(const auto reply, session.post("/api/v1/backup", {{"file", whole.string()}}));
    session.print(reply, [](const base::Json& json) { return text_of(json, "file") + "\n"; });
    return {};
  });
}

void add_restore(CLI::App& app, std::ostream& out, std::ostream& err, int& exit_code) {
  CLI::App& verb = *app.add_subcommand("restore", "Put a backup in the place of a store that no server has open");
  struct Arguments {
    std::string file, data, config;
    bool accept = false, json = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("FILE", arguments->file, "The backup; without one, only accept the store that is there");
  verb.add_flag("--accept", arguments->accept,
                "Go on from a store that is older than its journals: what is not known is unresolved");
  verb.add_option("--data", arguments->data, "Data folder; the configuration's unless told");
  verb.add_option("--config", arguments->config, "Configuration that names the data folder");
  verb.add_flag("--json", arguments->json, "Print it as JSON");
  verb.callback([arguments, &out, &err, &exit_code] {
    const auto file = arguments->config.empty() ? app::default_config_file() : std::optional(arguments->config);
    app::ConfigOverrides overrides;
    if (!arguments->data.empty()) overrides.data = arguments->data;
    const std::string data = app::check_config(file, app::process_environment(), overrides).config.data;
    if (arguments->file.empty() && !arguments->accept) {
      err << "metergate: name a backup, or give --accept for the store that is there\n";
      exit_code = 2;
      return;
    }
    const auto restored = app::restore(data, arguments->file.empty() ? std::nullopt : std::optional(arguments->file),
                                       arguments->accept ? app::Accept::yes : app::Accept::no);
    if (!restored) {
      err << fmt::format("metergate: {}\n", restored.error().message);
      exit_code = 1;
      return;
    }
    out << (arguments->json ? boost::json::serialize(json_of(*restored)) + "\n" : report_of(*restored, data));
  });
}

}  // namespace cli
