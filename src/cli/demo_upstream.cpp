#include "app/server.h"
#include "cli/addresses.h"
#include "cli/verbs.h"

namespace cli {

void add_demo_upstream(CLI::App& app, Program& program) {
  CLI::App& verb = *app.add_subcommand("demo-upstream", "Run a provider that is free and misbehaves on request");
  const auto options = std::make_shared<app::DemoUpstreamOptions>();
  const CLI::Range milliseconds(0, 24 * 3600 * 1000);
  add_address(verb, "--listen", options->listen, "Address to listen on");
  verb.add_option("--latency-ms", options->latency_ms, "Wait before a reply's first byte")->check(milliseconds);
  verb.add_option("--chunk-delay-ms", options->chunk_delay_ms, "Wait between a stream's chunks")->check(milliseconds);
  verb.add_option("--chunks", options->chunks, "Chunks of a stream")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  verb.add_option("--error", options->error_status, "Answer every call with this status")->check(CLI::Range(400, 599));
  verb.add_flag("--ignore-max-tokens", options->ignore_max_tokens, "Answer longer than the request allows");
  verb.add_flag("--hang", options->hang, "Take requests and never answer");
  verb.add_flag("--break-off", options->break_off, "Cut the connection in the middle of every answer");
  verb.add_flag("--whole-reservation", options->whole_reservation, "Use all the output that the request allows");
  verb.callback([options, &program] { program = [options] { return app::demo_upstream(*options); }; });
}

}  // namespace cli
