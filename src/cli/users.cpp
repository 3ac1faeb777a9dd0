#include <fmt/format.h>

#include "cli/list_query.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

constexpr const char* users = "/api/v1/users";

std::string table_of(const base::Json& page) {
  Table table({{"NAME"}, {"ROLE"}, {"ACCOUNT"}, {"LOGIN"}, {"STATUS"}, {"CREATED"}, {"ID"}});
  for (const base::Json& user : page.find("data")->items())
    table.add({text_of(user, "username"), text_of(user, "role"), text_of(user, "account"), text_of(user, "login"),
               text_of(user, "status"), time_of(user, "created"), text_of(user, "id")});
  return table.to_string();
}

std::string path_of(const std::string& name) { return fmt::format("{}/{}", users, name); }

// What create and edit set alike.
struct Rights {
  std::string role, account;

  void add(CLI::App& verb) {
    verb.add_option("--role", role,
                    "viewer sees, operator changes accounts, keys, limits and balances, admin does everything")
        ->check(CLI::IsMember({"viewer", "operator", "admin"}));
    verb.add_option("--account", account, "Sees this account and those below it and nothing else; '*': everything");
  }
  void put_into(boost::json::object& body) const {
    if (!role.empty()) body["role"] = role;
    if (!account.empty()) body["account"] = account;
  }
};

void add_create(CLI::App& noun, Session& session, const ReadSecret& read_secret) {
  CLI::App& verb =
      *noun.add_subcommand("create", "Make a user; the password is read from standard input, unless it needs none");
  session.add_options(verb);
  struct Arguments {
    std::string name;
    Rights rights;
    bool oidc = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("NAME", arguments->name, "What the user logs in by")->required();
  arguments->rights.add(verb);
  verb.add_flag("--oidc", arguments->oidc, "Logs in with the OpenID provider of the configuration, without a password");
  session.on(verb, [arguments, read_secret, &session]() -> base::Status {
    boost::json::object body{{"username", arguments->name}};
    if (arguments->oidc) {
      body["login"] = "oidc";
    } else {
      TRY(const base::Secret password, read_secret(fmt::format("Password of {}: ", arguments->name)));
      body["password"] = password.reveal();
    }
    arguments->rights.put_into(body);
    TRY(const auto reply, session.create(users, body));
    session.print_one(reply);
    return {};
  });
}

void add_list(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("list", "List users, oldest first");
  session.add_options(verb);
  const auto query = std::make_shared<ListQuery>();
  query->add_page(verb);
  session.on(verb, [query, &session]() -> base::Status {
    TRY(const auto reply, session.get(users, query->parameters()));
    session.print(reply, table_of);
    return {};
  });
}

void add_edit(CLI::App& noun, Session& session, const ReadSecret& read_secret) {
  CLI::App& verb = *noun.add_subcommand("edit", "Change what a user may do, or the password");
  session.add_options(verb);
  struct Arguments {
    std::string name;
    Rights rights;
    bool disable = false, enable = false, password = false, oidc = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("NAME", arguments->name, "Name or id")->required();
  arguments->rights.add(verb);
  auto* const disable = verb.add_flag("--disable", arguments->disable, "End the user's sessions, and let none begin");
  verb.add_flag("--enable", arguments->enable, "Let the user log in again")->excludes(disable);
  auto* const by_password =
      verb.add_flag("--password", arguments->password, "Read another password from standard input");
  verb.add_flag("--oidc", arguments->oidc, "Log in with the OpenID provider from now on, and with no password")
      ->excludes(by_password);
  session.on(verb, [arguments, read_secret, &session]() -> base::Status {
    boost::json::object body;
    arguments->rights.put_into(body);
    if (arguments->disable) body["status"] = "disabled";
    if (arguments->enable) body["status"] = "active";
    if (arguments->oidc) body["login"] = "oidc";
    if (arguments->password) {
      TRY(const base::Secret password, read_secret(fmt::format("New password of {}: ", arguments->name)));
      body["password"] = password.reveal();
    }
    TRY(const auto reply, session.patch(path_of(arguments->name), body));
    session.print_one(reply);
    return {};
  });
}

void add_remove(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("remove", "Remove a user and end the sessions that there are");
  session.add_options(verb);
  const auto name = std::make_shared<std::string>();
  verb.add_option("NAME", *name, "Name or id")->required();
  session.on(verb, [name, &session]() -> base::Status {
    TRY_STATUS(session.remove(path_of(*name)));
    session.say("removed");
    return {};
  });
}

// "amount=7 window=day": one line of a body's values; what has parts is in --json.
std::string asked_of(const base::Json* asked) {
  std::string line;
  if (asked == nullptr) return "-";
  for (const auto& [name, value] : asked->members()) {
    const bool has_parts = value.kind() == base::Json::Kind::object || value.kind() == base::Json::Kind::array;
    line += fmt::format("{}{}={}", line.empty() ? "" : " ", name, has_parts ? "…" : text_of(*asked, name));
  }
  return line.empty() ? "-" : line;
}

std::string changes_of(const base::Json& page) {
  Table table({{"AT"}, {"WHO"}, {"FROM"}, {"WHAT"}, {"OF"}, {"STATUS", Align::right}, {"ASKED"}});
  for (const base::Json& change : page.find("data")->items()) {
    const base::Json& actor = *change.find("actor");
    const std::string name = text_of(actor, "name");
    table.add({time_of(change, "at"), name == "-" ? text_of(actor, "kind") : name, text_of(actor, "address"),
               text_of(change, "action"), text_of(change, "subject"), text_of(change, "status"),
               asked_of(change.find("asked"))});
  }
  return table.to_string();
}

}  // namespace

void add_users(CLI::App& app, Session& session, const ReadSecret& read_secret) {
  CLI::App& noun = *app.add_subcommand("users", "Who may log in and operate Metergate");
  noun.require_subcommand(1);
  add_create(noun, session, read_secret);
  add_list(noun, session);
  add_edit(noun, session, read_secret);
  add_remove(noun, session);
}

void add_audit(CLI::App& app, Session& session) {
  CLI::App& verb = *app.add_subcommand("audit", "What was changed, when and by whom; newest first");
  session.add_options(verb);
  const auto query = std::make_shared<ListQuery>();
  query->add(verb, "--actor", "Only by this one: the id of a user or an admin key");
  query->add(verb, "--subject", "Only of what has this id");
  query->add(verb, "--from", "Only from this time or date on");
  query->add(verb, "--to", "Only before this time or date");
  query->add_page(verb);
  session.on(verb, [query, &session]() -> base::Status {
    TRY(const auto reply, session.get("/api/v1/audit", query->parameters()));
    session.print(reply, changes_of);
    return {};
  });
}

}  // namespace cli
