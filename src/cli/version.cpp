#include "app/version.h"

#include <ostream>

#include "cli/verbs.h"

namespace cli {

void add_version(CLI::App& app, std::ostream& out) {
  app.add_subcommand("version", "Print the version")->callback([&out] { out << "metergate " << app::version << "\n"; });
}

}  // namespace cli
