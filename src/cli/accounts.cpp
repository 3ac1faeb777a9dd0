#include "cli/list_query.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

constexpr const char* accounts = "/api/v1/accounts";

std::string table_of(const base::Json& page) {
  Table table({{"ID"}, {"NAME"}, {"EXTERNAL ID"}, {"STATUS"}, {"PARENT"}, {"BOOK"}, {"CREATED"}});
  for (const base::Json& account : page.find("data")->items())
    table.add({text_of(account, "id"), text_of(account, "name"), text_of(account, "external_id"),
               text_of(account, "status"), text_of(account, "parent"), text_of(account, "book"),
               time_of(account, "created")});
  return table.to_string();
}

// How an account pays, as options of a verb and as members of a body: those that were given.
struct Terms {
  std::string credit_only, monthly_fee, fee_time_zone, book;
  std::optional<std::int64_t> markup, top_up_fee, fee_day;

  void add(CLI::App& verb) {
    verb.add_option("--credit-only", credit_only, "Whether it and all below it spend from its grants only")
        ->check(CLI::IsMember({"on", "off"}));
    verb.add_option("--markup-bps", markup, "On what its use costs, in basis points; 500 is 5 %");
    verb.add_option("--top-up-fee-bps", top_up_fee, "Of what is paid in, in basis points");
    verb.add_option("--monthly-fee", monthly_fee, "Dollars that it pays for each month; 0 ends it");
    verb.add_option("--fee-day", fee_day, "The day of the month on which the fee is due; 1 unless told");
    verb.add_option("--fee-time-zone", fee_time_zone, "Whose midnight that is, such as Europe/Berlin; UTC unless told");
    verb.add_option("--book", book,
                    "The price book of its calls: a name of the configuration, 'default', or 'inherit'");
  }
  void into(boost::json::object& body) const {
    if (!monthly_fee.empty()) body["monthly_fee"] = monthly_fee;
    if (fee_day) body["monthly_fee_day"] = *fee_day;
    if (!book.empty()) body["book"] = book;
    if (!fee_time_zone.empty()) body["monthly_fee_time_zone"] = fee_time_zone;
    if (!credit_only.empty()) body["credit_only"] = credit_only == "on";
    if (markup) body["markup_bps"] = *markup;
    if (top_up_fee) body["top_up_fee_bps"] = *top_up_fee;
  }
};

void add_create(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("create", "Create an account");
  session.add_options(verb);
  struct Arguments {
    std::string name, external_id, parent;
    Terms terms;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("NAME", arguments->name, "Its name")->required();
  verb.add_option("--external-id", arguments->external_id, "Your own id for it");
  verb.add_option("--parent", arguments->parent, "The account above it");
  arguments->terms.add(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    boost::json::object body{{"name", arguments->name}};
    if (!arguments->external_id.empty()) body["external_id"] = arguments->external_id;
    if (!arguments->parent.empty()) body["parent"] = arguments->parent;
    arguments->terms.into(body);
    TRY(const auto reply, session.create(accounts, body));
    session.print_one(reply);
    return {};
  });
}

void add_list(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("list", "List accounts, newest first");
  session.add_options(verb);
  const auto query = std::make_shared<ListQuery>();
  query->add_page(verb);
  query->add(verb, "--parent", "Only those directly below this account");
  query->add(verb, "--status", "Only those that are active, suspended or deleted; all but deleted ones unless told");
  session.on(verb, [query, &session]() -> base::Status {
    TRY(const auto reply, session.get(accounts, query->parameters()));
    session.print(reply, table_of);
    return {};
  });
}

void add_edit(CLI::App& noun, Session& session) {
  CLI::App& verb =
      *noun.add_subcommand("edit", "Say what an account is called, where it stands, how it pays, and by which prices");
  session.add_options(verb);
  struct Arguments {
    std::string reference;
    std::optional<std::string> name, external_id, parent;
    Terms terms;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("ACCOUNT", arguments->reference, "Id, external id or name")->required();
  verb.add_option("--name", arguments->name, "What it is called from now on");
  verb.add_option("--external-id", arguments->external_id, "Your own id for it; '' for none");
  verb.add_option("--parent", arguments->parent,
                  "The account below which it is from now on, with all below it; 'none' for the top");
  arguments->terms.add(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    boost::json::object body;
    if (arguments->name) body["name"] = *arguments->name;
    if (arguments->external_id) body["external_id"] = *arguments->external_id;
    if (arguments->parent) body["parent"] = *arguments->parent;
    arguments->terms.into(body);
    TRY(const auto reply, session.patch(std::string(accounts) + "/" + arguments->reference, body));
    session.print_one(reply);
    return {};
  });
}

void add_delete(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("delete", "Delete an account and revoke its keys, for good; what it did stays");
  session.add_options(verb);
  const auto reference = std::make_shared<std::string>();
  verb.add_option("ACCOUNT", *reference, "Id, external id or name")->required();
  session.on(verb, [reference, &session]() -> base::Status {
    TRY_STATUS(session.remove(std::string(accounts) + "/" + *reference));
    session.say("deleted");
    return {};
  });
}

// A verb that names one account.
void add_named(CLI::App& noun, Session& session, const char* name, const char* help) {
  CLI::App& verb = *noun.add_subcommand(name, help);
  session.add_options(verb);
  const auto reference = std::make_shared<std::string>();
  verb.add_option("ACCOUNT", *reference, "Id, external id or name")->required();
  session.on(verb, [reference, action = std::string(name), &session]() -> base::Status {
    const auto path = std::string(accounts) + "/" + *reference;
    TRY(const auto reply, action == "show" ? session.get(path) : session.act(path + "/" + action));
    session.print_one(reply);
    return {};
  });
}

}  // namespace

void add_accounts(CLI::App& app, Session& session) {
  CLI::App& noun = *app.add_subcommand("accounts", "Who spends");
  noun.require_subcommand(1);
  add_create(noun, session);
  add_list(noun, session);
  add_edit(noun, session);
  add_delete(noun, session);
  add_named(noun, session, "show", "Show an account");
  add_named(noun, session, "suspend", "Refuse its keys, and those of all accounts below it");
  add_named(noun, session, "activate", "Undo a suspension");
}

}  // namespace cli
