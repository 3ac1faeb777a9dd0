#include <fmt/format.h>

#include "cli/list_query.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

constexpr const char* unresolved = "/api/v1/unresolved";

// A line for each limit that an item holds.
std::string table_of(const base::Json& page) {
  Table table({{"SINCE"},
               {"ID"},
               {"CAUSE"},
               {"MODEL"},
               {"KEY"},
               {"LIMIT"},
               {"UNIT"},
               {"UNRESOLVED", Align::right},
               {"COUNTED", Align::right},
               {"TIMES OUT"}});
  for (const base::Json& item : page.find("data")->items())
    for (const base::Json& hold : item.find("holds")->items())
      table.add({time_of(item, "since"), text_of(item, "id"), text_of(item, "cause"), text_of(item, "model"),
                 text_of(item, "key"), text_of(hold, "limit"), text_of(hold, "unit"), text_of(hold, "unresolved"),
                 text_of(hold, "spent"), time_of(item, "settles_at")});
  return table.to_string();
}

// An item with what became of it.
std::string details_of(const base::Json& item) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const char* name : {"id", "cause", "since", "settles_at", "started", "account", "key", "upstream", "model"})
    values.emplace_back(name, text_of(item, name));
  values.emplace_back("estimate", text_of(item, "estimate"));
  values.emplace_back("cost", text_of(item, "cost"));
  for (const base::Json& hold : item.find("holds")->items())
    values.emplace_back("held", fmt::format("{} {} of limit {}", text_of(hold, "unresolved"), text_of(hold, "unit"),
                                            text_of(hold, "limit")));
  const base::Json* const correction = item.find("correction");
  if (correction == nullptr) return list_of(values);
  values.emplace_back(text_of(*correction, "verdict"),
                      fmt::format("{} by record {}", text_of(*correction, "at"), text_of(*correction, "record")));
  values.emplace_back("booked", text_of(*correction, "cost") + " usd");
  values.emplace_back("reason", text_of(*correction, "reason"));
  for (const base::Json& hold : correction->find("holds")->items())
    values.emplace_back("spent", fmt::format("{} {} of limit {}", text_of(hold, "spent"), text_of(hold, "unit"),
                                             text_of(hold, "limit")));
  return list_of(values);
}

void add_list(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("list", "List what is unresolved, newest first");
  session.add_options(verb);
  const auto query = std::make_shared<ListQuery>();
  query->add(verb, "--account", "Only of this account");
  query->add(verb, "--key", "Only of this key");
  query->add_page(verb);
  session.on(verb, [query, &session]() -> base::Status {
    TRY(const auto reply, session.get(unresolved, query->parameters()));
    session.print(reply, table_of);
    return {};
  });
}

void add_show(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("show", "Show one, and what became of it");
  session.add_options(verb);
  const auto id = std::make_shared<std::string>();
  verb.add_option("ID", *id, "The call's id, which was its X-Request-Id")->required();
  session.on(verb, [id, &session]() -> base::Status {
    TRY(const auto reply, session.get(fmt::format("{}/{}", unresolved, *id)));
    session.print(reply, details_of);
    return {};
  });
}

void add_settle(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("settle", "Book what a call cost; the rest of what it held goes back");
  session.add_options(verb);
  struct Arguments {
    std::string id, cost, reason;
    std::optional<std::int64_t> input_tokens, output_tokens;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("ID", arguments->id, "The call's id")->required();
  verb.add_option("--cost", arguments->cost, "All that it cost, in USD, as the provider bills it")->required();
  verb.add_option("--input-tokens", arguments->input_tokens, "For limits on tokens; without it they count all held");
  verb.add_option("--output-tokens", arguments->output_tokens, "Likewise");
  verb.add_option("--reason", arguments->reason, "How it is known; kept with the correction");
  session.on(verb, [arguments, &session]() -> base::Status {
    boost::json::object body{{"cost", arguments->cost}};
    if (arguments->input_tokens) body["input_tokens"] = *arguments->input_tokens;
    if (arguments->output_tokens) body["output_tokens"] = *arguments->output_tokens;
    if (!arguments->reason.empty()) body["reason"] = arguments->reason;
    TRY(const auto reply, session.post(fmt::format("{}/{}/settle", unresolved, arguments->id), body));
    session.print(reply, details_of);
    return {};
  });
}

void add_release(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("release", "Give back what a call held: the provider bills nothing more");
  session.add_options(verb);
  struct Arguments {
    std::string id, reason;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("ID", arguments->id, "The call's id")->required();
  verb.add_option("--reason", arguments->reason, "How it is known; kept with the correction")->required();
  session.on(verb, [arguments, &session]() -> base::Status {
    TRY(const auto reply, session.post(fmt::format("{}/{}/release", unresolved, arguments->id),
                                       {{"reason", arguments->reason}}));
    session.print(reply, details_of);
    return {};
  });
}

}  // namespace

void add_unresolved(CLI::App& app, Session& session) {
  CLI::App& noun = *app.add_subcommand("unresolved", "Money that is held because a call's cost is not known");
  noun.require_subcommand(1);
  add_list(noun, session);
  add_show(noun, session);
  add_settle(noun, session);
  add_release(noun, session);
}

}  // namespace cli
