// metergate: a gateway that takes what a paid call can cost off every limit before the call leaves. This file is the
// command line's table of contents; `metergate VERB --help` says the rest.

#include <unistd.h>

#include <iostream>

#include "cli/verbs.h"

namespace {

int run_command(int argc, char** argv, cli::Program& program) {
  CLI::App app("Metergate: hard spend limits for paid API calls, enforced before they leave.", "metergate");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Print the help of every command");
  int exit_code = 0;
  cli::Session session(cli::connect, std::cout, std::cerr);
  const cli::ReadSecret ask = [](const std::string& prompt) {
    return cli::read_secret(STDIN_FILENO, std::cerr, prompt);
  };

  cli::add_serve(app, program);
  cli::add_demo(app, program);
  cli::add_demo_upstream(app, program);
  cli::add_check(app, std::cout, exit_code);
  cli::add_meter(app, std::cout, std::cerr, exit_code);
  cli::add_accounts(app, session);
  cli::add_keys(app, session);
  cli::add_limits(app, session);
  cli::add_limiters(app, session);
  cli::add_explain(app, session);
  cli::add_quote(app, session);
  cli::add_events(app, session);
  cli::add_upstreams(app, session, ask);
  cli::add_users(app, session, ask);
  cli::add_audit(app, session);
  cli::add_usage(app, session);
  cli::add_credits(app, session);
  cli::add_unresolved(app, session);
  cli::add_doctor(app, session);
  cli::add_backup(app, session);
  cli::add_restore(app, std::cout, std::cerr, exit_code);
  cli::add_tokens(app, std::cin, std::cout, std::cerr, exit_code);
  cli::add_prices(app, std::cout, std::cerr, exit_code);
  cli::add_version(app, std::cout);
  cli::add_completion(app, std::cout);

  const int code = cli::run(app, argc, argv, std::cout, std::cerr, exit_code);
  return code != 0 ? code : session.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  cli::Program program;
  const int code = run_command(argc, argv, program);
  return program ? program() : code;
}
