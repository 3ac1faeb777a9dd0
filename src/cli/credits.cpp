#include <fmt/format.h>

#include "base/ids.h"
#include "base/random.h"
#include "cli/list_query.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

constexpr const char* credits = "/api/v1/credits";

std::string grants_of(const base::Json& balance) {
  Table table({{"ID"},
               {"KIND"},
               {"STATUS"},
               {"PRIORITY", Align::right},
               {"AMOUNT", Align::right},
               {"AVAILABLE", Align::right},
               {"RESERVED", Align::right},
               {"UNRESOLVED", Align::right},
               {"SPENT", Align::right},
               {"EXPIRES"},
               {"NOTE"}});
  for (const base::Json& grant : balance.find("grants")->items())
    table.add({text_of(grant, "id"), text_of(grant, "kind"), text_of(grant, "status"), text_of(grant, "priority"),
               text_of(grant, "amount"), text_of(grant, "available"), text_of(grant, "reserved"),
               text_of(grant, "unresolved"), text_of(grant, "spent"), time_of(grant, "expires"),
               text_of(grant, "note")});
  table.add({"balance", "", "", "", text_of(balance, "amount"), text_of(balance, "available"),
             text_of(balance, "reserved"), text_of(balance, "unresolved"), text_of(balance, "spent"), "",
             text_of(balance, "owed") == "0" ? "" : "owed: " + text_of(balance, "owed")});
  return table.to_string();
}

std::string transfers_of(const base::Json& page) {
  Table table({{"AT"}, {"ID"}, {"KIND"}, {"FROM"}, {"TO"}, {"AMOUNT", Align::right}, {"NOTE"}});
  for (const base::Json& transfer : page.find("data")->items())
    for (const base::Json& posting : transfer.find("postings")->items())
      table.add({time_of(transfer, "at"), text_of(transfer, "id"), text_of(transfer, "kind"),
                 text_of(posting, "source"), text_of(posting, "target"), text_of(posting, "amount"),
                 text_of(transfer, "note")});
  return table.to_string();
}

std::string posted_of(const base::Json& posting) {
  return fmt::format("{} from {} to {}", text_of(posting, "amount"), text_of(posting, "source"),
                     text_of(posting, "target"));
}

std::string transfer_of(const base::Json& transfer) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const char* name : {"id", "kind", "at", "account", "subject", "amount", "note"})
    values.emplace_back(name, text_of(transfer, name));
  for (const base::Json& posting : transfer.find("postings")->items())
    values.emplace_back("posted", posted_of(posting));
  return list_of(values);
}

std::string made_grant_of(const base::Json& grant) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const char* name : {"id", "account", "kind", "priority", "granted"})
    values.emplace_back(name, text_of(grant, name));
  for (const char* name : {"effective", "expires"}) values.emplace_back(name, time_of(grant, name));
  values.emplace_back("note", text_of(grant, "note"));
  for (const base::Json& posting : grant.find("transfer")->find("postings")->items())
    values.emplace_back("posted", posted_of(posting));
  return list_of(values);
}

// What every order takes.
struct OrderOptions {
  std::string note, key;

  void add(CLI::App& verb) {
    verb.add_option("--note", note, "For people, such as an invoice's number; kept with the transfer");
    verb.add_option("--idempotency-key", key, "With the same key a repeated command moves no money twice");
  }
  void put_into(boost::json::object& body) const {
    if (!note.empty()) body["note"] = note;
  }
  std::string key_or_new() const {
    return key.empty() ? base::Uuid::version7({}, base::system_random()).to_string() : key;
  }
};

void add_grant(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("grant", "Put money into an account's balance");
  session.add_options(verb);
  struct Arguments {
    std::string account, amount, kind = "paid", effective, expires;
    std::optional<int> priority;
    OrderOptions order;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("ACCOUNT", arguments->account, "Id, external id or name of a prepaid account")->required();
  verb.add_option("AMOUNT", arguments->amount, "How much, in USD")->required();
  verb.add_option("--kind", arguments->kind, "paid, or promotional for what nobody paid for; paid unless told")
      ->check(CLI::IsMember({"paid", "promotional"}));
  verb.add_option("--priority", arguments->priority, "0 to 255, the smaller is drawn on first; 100 unless told");
  verb.add_option("--effective", arguments->effective, "Usable from this time or date on; now unless told");
  verb.add_option("--expires", arguments->expires, "Usable until just before; for ever unless told");
  arguments->order.add(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    boost::json::object body{{"account", arguments->account}, {"amount", arguments->amount}, {"kind", arguments->kind}};
    if (arguments->priority) body["priority"] = *arguments->priority;
    if (!arguments->effective.empty()) body["effective"] = arguments->effective;
    if (!arguments->expires.empty()) body["expires"] = arguments->expires;
    arguments->order.put_into(body);
    TRY(const auto reply, session.order(credits, body, arguments->order.key_or_new()));
    session.print(reply, made_grant_of);
    return {};
  });
}

void add_list(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("list", "List an account's grants in burn order, with what is left of them");
  session.add_options(verb);
  const auto account = std::make_shared<std::string>();
  verb.add_option("ACCOUNT", *account, "Id, external id or name")->required();
  session.on(verb, [account, &session]() -> base::Status {
    TRY(const auto reply, session.get(fmt::format("/api/v1/accounts/{}/balance", *account)));
    session.print(reply, grants_of);
    return {};
  });
}

void add_void(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("void", "Take back what is left of a grant");
  session.add_options(verb);
  struct Arguments {
    std::string id;
    OrderOptions order;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("ID", arguments->id, "The grant's id")->required();
  arguments->order.add(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    boost::json::object body;
    arguments->order.put_into(body);
    TRY(const auto reply, session.order(fmt::format("{}/{}/void", credits, arguments->id), body,
                                        arguments->order.key_or_new()));
    session.print(reply, transfer_of);
    return {};
  });
}

// The orders that name something and an amount.
void add_amount_verb(CLI::App& noun, Session& session, const char* name, const char* help, const char* subject,
                     const char* subject_help) {
  CLI::App& verb = *noun.add_subcommand(name, help);
  session.add_options(verb);
  struct Arguments {
    std::string subject, amount;
    OrderOptions order;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option(subject, arguments->subject, subject_help)->required();
  verb.add_option("AMOUNT", arguments->amount, "How much, in USD")->required();
  arguments->order.add(verb);
  session.on(verb, [arguments, action = std::string(name), &session]() -> base::Status {
    boost::json::object body{{"amount", arguments->amount}};
    arguments->order.put_into(body);
    std::string path = fmt::format("{}/{}", credits, action);
    if (action == "dispute") path = fmt::format("{}/{}/dispute", credits, arguments->subject);
    if (action == "refund") body["exchange"] = arguments->subject;
    if (action == "fee") body["account"] = arguments->subject;
    TRY(const auto reply, session.order(path, body, arguments->order.key_or_new()));
    session.print(reply, transfer_of);
    return {};
  });
}

void add_transfers(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("transfers", "List what moved, newest first, a line for each posting");
  session.add_options(verb);
  const auto query = std::make_shared<ListQuery>();
  query->add(verb, "--account", "Only of this account's balance");
  query->add_page(verb);
  session.on(verb, [query, &session]() -> base::Status {
    TRY(const auto reply, session.get(fmt::format("{}/transfers", credits), query->parameters()));
    session.print(reply, transfers_of);
    return {};
  });
}

void add_check(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("check", "Derive all balances again from the postings; 1 if any is wrong");
  session.add_options(verb);
  session.on(verb, [&session]() -> base::Status {
    TRY(const auto reply, session.get(fmt::format("{}/check", credits)));
    if (!reply.json.find("right")->boolean()) session.end_with(1);
    session.print(reply, [](const base::Json& json) {
      Table table({{"GRANT"}, {"WHAT"}, {"KEPT", Align::right}, {"DERIVED", Align::right}});
      for (const base::Json& one : json.find("wrong")->items())
        table.add({text_of(one, "grant"), text_of(one, "what"), text_of(one, "kept"), text_of(one, "derived")});
      return json.find("right")->boolean() ? std::string("every balance is what its postings say\n")
                                           : table.to_string();
    });
    return {};
  });
}

}  // namespace

void add_credits(CLI::App& app, Session& session) {
  CLI::App& noun = *app.add_subcommand("credits", "Balances of prepaid accounts");
  noun.require_subcommand(1);
  add_grant(noun, session);
  add_list(noun, session);
  add_void(noun, session);
  add_amount_verb(noun, session, "refund", "Give back some of what an exchange was charged", "EXCHANGE",
                  "The exchange's id, which was its X-Request-Id");
  add_amount_verb(noun, session, "dispute", "A payment was taken back by who had made it", "ID", "The grant's id");
  add_amount_verb(noun, session, "fee", "Take a fee from an account's balance", "ACCOUNT", "Id, external id or name");
  add_transfers(noun, session);
  add_check(noun, session);
}

}  // namespace cli
