#include "app/server.h"
#include "cli/addresses.h"
#include "cli/verbs.h"

namespace cli {

void add_demo(CLI::App& app, Program& program) {
  CLI::App& verb = *app.add_subcommand("demo", "Try it: a gateway that forgets, in front of a provider that is free");
  const auto options = std::make_shared<app::DemoOptions>();
  add_address(verb, "--listen", options->listen, "Address of the proxy");
  add_address(verb, "--control", options->control, "Address of the control plane");
  verb.add_option("--upstream-port", options->upstream_port, "Port of the demo upstream; 0 is any free one")
      ->capture_default_str();
  verb.callback([options, &program] { program = [options] { return app::demo(*options); }; });
}

}  // namespace cli
