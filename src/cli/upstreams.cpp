#include <fmt/format.h>

#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

constexpr const char* upstreams = "/api/v1/upstreams";

std::string table_of(const base::Json& page) {
  Table table({{"NAME"}, {"PROVIDER"}, {"BASE URL"}, {"KEY FROM"}});
  for (const base::Json& upstream : page.find("data")->items())
    table.add({text_of(upstream, "name"), text_of(upstream, "provider"), text_of(upstream, "base_url"),
               text_of(upstream, "secret_source")});
  return table.to_string();
}

std::string secret_of(const std::string& name) { return fmt::format("{}/{}/secret", upstreams, name); }

void add_list(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("list", "List the upstreams of the configuration");
  session.add_options(verb);
  session.on(verb, [&session]() -> base::Status {
    TRY(const auto reply, session.get(upstreams));
    session.print(reply, table_of);
    return {};
  });
}

void add_set_key(CLI::App& noun, Session& session, const ReadSecret& read_secret) {
  CLI::App& verb =
      *noun.add_subcommand("set-key", "Store the key that an upstream is called with; read from standard input");
  session.add_options(verb);
  const auto name = std::make_shared<std::string>();
  verb.add_option("NAME", *name, "Its name in the configuration")->required();
  // The library's own refusal comes later and repeats every word that it did not expect; it may end up in a log.
  verb.parse_complete_callback([&verb] {
    if (!verb.remaining().empty())
      throw CLI::ValidationError(
          "set-key takes NAME and its options; the key is read from standard input and is never an argument, which "
          "others on this machine could see");
  });
  session.on(verb, [name, read_secret, &session]() -> base::Status {
    TRY(const base::Secret secret, read_secret(fmt::format("Key of {}: ", *name)));
    TRY(const auto reply, session.put(secret_of(*name), {{"secret", secret.reveal()}}));
    session.print_one(reply);
    return {};
  });
}

void add_remove_key(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("remove-key", "Forget the stored key of an upstream");
  session.add_options(verb);
  const auto name = std::make_shared<std::string>();
  verb.add_option("NAME", *name, "Its name in the configuration")->required();
  session.on(verb, [name, &session]() -> base::Status {
    TRY_STATUS(session.remove(secret_of(*name)));
    session.say("removed");
    return {};
  });
}

}  // namespace

void add_upstreams(CLI::App& app, Session& session, const ReadSecret& read_secret) {
  CLI::App& noun = *app.add_subcommand("upstreams", "Whom calls go to, and their keys");
  noun.require_subcommand(1);
  add_list(noun, session);
  add_set_key(noun, session, read_secret);
  add_remove_key(noun, session);
}

}  // namespace cli
