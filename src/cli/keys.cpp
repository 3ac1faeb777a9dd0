#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <memory>
#include <optional>
#include <ostream>

#include "base/window.h"
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

// What a key may be used for; an empty list is not said.
struct Allowed {
  std::vector<std::string> models, routes, addresses;

  void add_options(CLI::App& verb, std::vector<CLI::Option*>& options) {
    const auto add = [&](const char* option, std::vector<std::string>& to, const char* help) {
      options.push_back(verb.add_option(option, to, help)->allow_extra_args(false));
    };
    add("--allow-model", models, "A model that it may call, such as \"gpt-4o*\"; may be repeated");
    add("--allow-route", routes, "A route that it may call; may be repeated");
    add("--allow-from", addresses, "An address or block that it works from, such as 10.0.0.0/8; may be repeated");
  }
  void add_to(boost::json::object& body) const {
    const auto add = [&](const char* field, const std::vector<std::string>& names) {
      if (names.empty()) return;
      const bool is_any = names.size() == 1 && names.front() == "any";
      body[field] = is_any ? boost::json::array() : boost::json::array(names.begin(), names.end());
    };
    add("allowed_models", models);
    add("allowed_routes", routes);
    add("allowed_addresses", addresses);
  }
};

struct NewKey {
  std::string name;
  std::string account;
  std::string expires, tags;
  std::vector<std::string> limits;
  Allowed allowed;
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
  wanted.allowed.add_to(body);
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

void show_secret(Session& session, const Session::Reply& reply, bool raw) {
  if (raw) {
    session.out() << text_of(reply.json, "secret") << "\n";
    return;
  }
  session.print_one(reply);
  session.say("\nKeep the secret: it is shown only now.");
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
  std::vector<CLI::Option*> of_data_keys{account, tags, limits};
  wanted->allowed.add_options(verb, of_data_keys);
  auto* admin = verb.add_flag("--admin", wanted->admin, "A key for the control plane; it spends nothing");
  for (CLI::Option* const option : of_data_keys) admin->excludes(option);
  verb.add_flag("--raw", wanted->raw, "Print the secret and nothing else");
  session.on(verb, [wanted, &session]() -> base::Status {
    bool made_account = false;
    TRY(const auto reply, create(session, *wanted, made_account));
    if (made_account) session.note(fmt::format("created the account '{}'", wanted->name));
    show_secret(session, reply, wanted->raw);
    return {};
  });
}

void add_edit(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("edit", "Change a key; what is not named stays");
  session.add_options(verb);
  struct Edit {
    std::string key;
    std::optional<std::string> name, expires, tags;
    Allowed allowed;
  };
  const auto edit = std::make_shared<Edit>();
  verb.add_option("KEY", edit->key, "Id or name")->required();
  verb.add_option("--name", edit->name, "Its name");
  verb.add_option("--expires", edit->expires, "When it ends, such as 2027-01-01T00:00:00Z; \"never\" for not at all");
  verb.add_option("--tags", edit->tags, "That every call with it has, in place of those that it has");
  std::vector<CLI::Option*> options;
  edit->allowed.add_options(verb, options);
  verb.footer("What is allowed takes the place of what was; \"any\" alone allows everything again.");
  session.on(verb, [edit, &session]() -> base::Status {
    boost::json::object body;
    if (edit->name) body["name"] = *edit->name;
    if (edit->expires) body["expires"] = *edit->expires;
    if (edit->tags) body["tags"] = *edit->tags;
    edit->allowed.add_to(body);
    TRY(const auto reply, session.patch(std::string(keys) + "/" + edit->key, body));
    session.print_one(reply);
    return {};
  });
}

base::Result<std::int64_t> seconds_of_overlap(const std::string& text) {
  if (text == "none") return 0;
  if (const auto span_ms = base::parse_span_ms(text)) return *span_ms / 1'000;
  return base::invalid(fmt::format("--overlap {} is neither \"none\" nor a time, such as 1h or 7d", text), "overlap");
}

void add_rotate(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("rotate", "Give a key another secret; its limits and what is spent stay");
  session.add_options(verb);
  struct Rotation {
    std::string key, overlap = "1d";
    bool raw = false;
  };
  const auto rotation = std::make_shared<Rotation>();
  verb.add_option("KEY", rotation->key, "Id or name")->required();
  verb.add_option("--overlap", rotation->overlap,
                  "For how long the old secret is taken beside the new one, such as 1h; \"none\" ends it now")
      ->type_name("TIME")
      ->capture_default_str();
  verb.add_flag("--raw", rotation->raw, "Print the secret and nothing else");
  session.on(verb, [rotation, &session]() -> base::Status {
    TRY(const std::int64_t overlap, seconds_of_overlap(rotation->overlap));
    TRY(const auto reply,
        session.post(std::string(keys) + "/" + rotation->key + "/rotate", {{"overlap_seconds", overlap}}));
    show_secret(session, reply, rotation->raw);
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
  add_edit(noun, session);
  add_rotate(noun, session);
  add_named(noun, session, "revoke", "Refuse a key for ever");
}

}  // namespace cli
