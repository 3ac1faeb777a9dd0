#include "cli/verbs.h"

namespace cli {

int run(CLI::App& app, int argc, const char* const* argv, std::ostream& out, std::ostream& err, const int& exit_code) {
  constexpr int not_understood = 2;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help is an exception too, with code 0. The library's other codes differ by mistake; people need one.
    return app.exit(error, out, err) == 0 ? 0 : not_understood;
  }
  return exit_code;
}

}  // namespace cli
