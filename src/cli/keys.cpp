#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <ostream>

#include "cli/list_query.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

constexpr const char* keys = "/api/v1/keys";

std::string table_of(const base::Json& page) {
  Table table({{"ID"}, {"NAME"}, {"KEY"}, {"ROLE"}, {"STATUS"}, {"ACCOUNT"}, {"EXPIRES"}, {"CREATED"}});
  for (const base::Json& key : page.find("data")->items())
    table.add({text_of(key, "id"), text_of(key, "name"), text_of(key, "hint"), text_of(key, "role"),
               text_of(key, "status"), text_of(key, "account"), time_of(key, "expires"), time_of(key, "created")});
  return table.to_string();
}

struct NewKey {
  std::string name;
  std::string account;
  std::string expires, tags;
  std::vector<std::string> limits;
  bool admin = false;
  bool raw = false;
};

boost::json::object body_of(const NewKey& wanted) {
  boost::json::object body{{"name", wanted.name}};
  if (wanted.admin) {
    body["role"] = "admin";
  } else {
    body["account"] = wanted.account.empty() ? wanted.name : wanted.account;
  }
  if (!wanted.expires.empty()) body["expires"] = wanted.expires;
  if (!wanted.tags.empty()) body["tags"] = wanted.tags;
  if (!wanted.limits.empty()) body["limits"] = boost::json::array(wanted.limits.begin(), wanted.limits.end());
  return body;
}

// A key without an account gets one of its own name. The key is asked for first: the API looks for the account only
// when all the rest is valid, so a mistake does not leave an account behind.
base::Result<Session::Reply> create(Session& session, const NewKey& wanted, bool& made_account) {
  auto reply = session.create(keys, body_of(wanted));
  const bool no_account =
      !reply && reply.error().type == base::ErrorType::not_found && reply.error().field == "account";
  if (wanted.admin || !wanted.account.empty() || !no_account) return reply;
  TRY_STATUS(session.create("/api/v1/accounts", {{"name", wanted.name}}));
  made_account = true;
  return session.create(keys, body_of(wanted));
}

void add_create(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("create", "Create a key; its secret is shown once");
  session.add_options(verb);
  const auto wanted = std::make_shared<NewKey>();
  verb.add_option("NAME", wanted->name, "Its name")->required();
  auto* account = verb.add_option("--account", wanted->account,
                                  "Whose key it is; an account of the key's name unless told, made if need be");
  auto* limits = verb.add_option("--limit", wanted->limits, "A limit on it, such as \"10 usd/day\"; may be repeated")
                     ->allow_extra_args(false);
  verb.add_option("--expires", wanted->expires, "When it ends, such as 2027-01-01T00:00:00Z");
  auto* tags = verb.add_option("--tags", wanted->tags, "That every call with it has, such as team=search,env=prod");
  verb.add_flag("--admin", wanted->admin, "A key for the control plane; it spends nothing")
      ->excludes(account)
      ->excludes(tags)
      ->excludes(limits);
  verb.add_flag("--raw", wanted->raw, "Print the secret and nothing else");
  session.on(verb, [wanted, &session]() -> base::Status {
    bool made_account = false;
    TRY(const auto reply, create(session, *wanted, made_account));
    if (made_account) session.note(fmt::format("created the account '{}'", wanted->name));
    if (wanted->raw) {
      session.out() << text_of(reply.json, "secret") << "\n";
      return {};
    }
    session.print_one(reply);
    session.say("\nKeep the secret: it is shown only now.");
    return {};
  });
}

void add_list(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("list", "List keys, newest first");
  session.add_options(verb);
  const auto query = std::make_shared<ListQuery>();
  query->add(verb, "--account", "Only keys of this account");
  query->add_page(verb);
  session.on(verb, [query, &session]() -> base::Status {
    TRY(const auto reply, session.get(keys, query->parameters()));
    session.print(reply, table_of);
    return {};
  });
}

// A verb that names one key.
void add_named(CLI::App& noun, Session& session, const char* name, const char* help) {
  CLI::App& verb = *noun.add_subcommand(name, help);
  session.add_options(verb);
  const auto reference = std::make_shared<std::string>();
  verb.add_option("KEY", *reference, "Id or name")->required();
  session.on(verb, [reference, action = std::string(name), &session]() -> base::Status {
    const auto path = std::string(keys) + "/" + *reference;
    TRY(const auto reply, action == "show" ? session.get(path) : session.act(path + "/" + action));
    session.print_one(reply);
    return {};
  });
}

}  // namespace

void add_keys(CLI::App& app, Session& session) {
  CLI::App& noun = *app.add_subcommand("keys", "What clients present");
  noun.require_subcommand(1);
  add_create(noun, session);
  add_list(noun, session);
  add_named(noun, session, "show", "Show a key, without its secret");
  add_named(noun, session, "revoke", "Refuse a key for ever");
}

}  // namespace cli
