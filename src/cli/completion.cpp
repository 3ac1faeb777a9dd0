// Completion in a shell. The shell asks the binary itself, so what it offers is always what there is.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/verbs.h"

namespace cli {
namespace {

// A line that the shell reads: what may stand there, a tab, and what it is for.
void offer(std::ostream& out, std::string_view prefix, std::string_view word, const std::string& about) {
  if (word.starts_with(prefix)) out << word << '\t' << about.substr(0, about.find('\n')) << '\n';
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

const CLI::Option* option_named(const CLI::App& command, std::string_view name) {
  for (const CLI::Option* const option : command.get_options())
    if (option->check_name(std::string(name))) return option;
  return nullptr;
}

// What the line has come to before its last word.
struct Place {
  const CLI::App* command;
  const CLI::Option* option = nullptr;  // whose value is to come
};
Place place_of(const CLI::App& app, std::span<const std::string> words) {
  Place place{.command = &app};
  for (const std::string& word : words) {
    if (place.option != nullptr) {
      place.option = nullptr;
    } else if (word.starts_with('-')) {
      const CLI::Option* const option = word.contains('=') ? nullptr : option_named(*place.command, word);
      if (option != nullptr && takes_value(*option)) place.option = option;
    } else {
      for (const CLI::App* const verb : place.command->get_subcommands([](const CLI::App*) { return true; }))
        if (verb->get_name() == word) place.command = verb;
    }
  }
  return place;
}

// Those of an option that takes one of some words: CLI11 lists them in the name of its type, "TEXT:{a,b}".
void offer_values(std::ostream& out, const CLI::Option& option, std::string_view prefix) {
  const std::string type = option.get_type_name();
  const std::size_t begin = type.find('{'), end = type.find('}');
  if (begin == std::string::npos || end == std::string::npos) return;
  for (const std::string& value : CLI::detail::split(type.substr(begin + 1, end - begin - 1), ','))
    offer(out, prefix, value, "");
}

struct Shell {
  std::string_view name, script;
};
constexpr std::array shells{
    Shell{"bash", R"(_metergate() {
  local word about
  COMPREPLY=()
  while IFS=$'\t' read -r word about; do
    COMPREPLY+=("$word")
  done < <(metergate __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _metergate metergate
)"},
    Shell{"zsh", R"(#compdef metergate
_metergate() {
  local -a found
  local word about
  while IFS=$'\t' read -r word about; do
    found+=("${word//:/\\:}:$about")
  done < <(metergate __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#found )); then _describe metergate found; else _files; fi
}
if [ "${funcstack[1]}" = _metergate ]; then _metergate "$@"; else compdef _metergate metergate; fi
)"},
    Shell{"fish",
          R"(complete -c metergate -a '(metergate __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
)"}};

}  // namespace

void complete(const CLI::App& app, std::span<const std::string> words, std::ostream& out) {
  if (words.empty()) return;
  const std::string& last = words.back();
  const Place place = place_of(app, words.first(words.size() - 1));
  if (place.option != nullptr) return offer_values(out, *place.option, last);
  for (const CLI::App* const verb : place.command->get_subcommands([](const CLI::App*) { return true; }))
    if (!verb->get_name().empty()) offer(out, last, verb->get_name(), verb->get_description());
  if (!last.starts_with('-')) return;
  for (const CLI::Option* const option : place.command->get_options())
    for (const std::string& name : option->get_lnames()) offer(out, last, "--" + name, option->get_description());
}

void add_completion(CLI::App& app, std::ostream& out) {
  CLI::App& verb = *app.add_subcommand("completion", "Print what makes a shell complete this command");
  const auto shell = std::make_shared<std::string>();
  std::vector<std::string> names;
  for (const Shell& known : shells) names.emplace_back(known.name);
  verb.add_option("SHELL", *shell, "Which shell")->required()->check(CLI::IsMember(names));
  verb.footer(
      "bash:  source <(metergate completion bash)\n"
      "zsh:   source <(metergate completion zsh)\n"
      "fish:  metergate completion fish | source\n"
      "In the shell's own start-up file it is there for good.");
  verb.callback([shell, &out] { out << std::ranges::find(shells, *shell, &Shell::name)->script; });
}

}  // namespace cli
