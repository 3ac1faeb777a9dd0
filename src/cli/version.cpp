#include "app/version.h"

#include <ostream>

#include "cli/verbs.h"

namespace cli {

void add_version(CLI::App& app, std::ostream& out) {
  app.set_version_flag("--version", std::string("metergate ").append(app::version));
  app.add_subcommand("version", "Print the version")->callback([&out] { out << "metergate " << app::version << "\n"; });
}

}  // namespace cli
