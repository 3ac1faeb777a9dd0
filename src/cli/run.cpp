#include <fmt/format.h>

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "cli/verbs.h"

namespace cli {
namespace {

// A slip in a verb is answered with the verb that was meant; the library would only say that one is required.
bool refuse_unknown_verb(const CLI::App& app, int argc, const char* const* argv, std::ostream& err) {
  const CLI::App* command = &app;
  for (int i = 1; i < argc && !std::string_view(argv[i]).starts_with('-'); ++i) {
    std::vector<std::string_view> names;
    const CLI::App* next = nullptr;
    for (const CLI::App* verb :
         command->get_subcommands([](const CLI::App* verb) { return !verb->get_name().empty(); })) {
      names.push_back(verb->get_name());
      if (verb->get_name() == argv[i]) next = verb;
    }
    if (names.empty()) return false;  // a verb's own arguments begin here
    if (next == nullptr) {
      const auto near = base::near_miss(argv[i], names);
      err << fmt::format("metergate: '{}' is not a command{}\n", argv[i],
                         near ? fmt::format("; did you mean '{}'?", *near) : std::string());
      return true;
    }
    command = next;
  }
  return false;
}

}  // namespace

int run(CLI::App& app, int argc, const char* const* argv, std::ostream& out, std::ostream& err, const int& exit_code) {
  constexpr int not_understood = 2;
  if (argc > 1 && std::string_view(argv[1]) == "__complete") {
    complete(app, std::vector<std::string>(argv + 2, argv + argc), out);
    return 0;
  }
  if (refuse_unknown_verb(app, argc, argv, err)) return not_understood;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help is an exception too, with code 0. The library's other codes differ by mistake; people need one.
    return app.exit(error, out, err) == 0 ? 0 : not_understood;
  }
  return exit_code;
}

}  // namespace cli
