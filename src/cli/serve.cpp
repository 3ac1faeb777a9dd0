#include "app/server.h"
#include "cli/verbs.h"

namespace cli {

void add_serve(CLI::App& app, Program& program) {
  CLI::App& verb = *app.add_subcommand("serve", "Run the gateway");
  const auto options = std::make_shared<app::ServeOptions>();
  verb.add_option("--config", options->config_file, "Configuration; metergate.yaml here, if there is one");
  verb.add_option("--data", options->overrides.data, "Data folder, in place of the configuration's");
  verb.add_option("--listen", options->overrides.listen, "Address of the proxy, such as 127.0.0.1:8080");
  verb.add_option("--control", options->overrides.control, "Address of the control plane, or off");
  verb.footer(
      "Without a configuration, OPENAI_API_KEY (and OPENAI_BASE_URL) name the provider. METERGATE_ADMIN_KEY, if it is "
      "set, is an admin key.");
  verb.callback([options, &program] { program = [options] { return app::serve(*options); }; });
}

}  // namespace cli
