#include "cli/list_query.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

std::string table_of(const base::Json& page) {
  Table table({{"AT"}, {"LIMIT"}, {"NAME"}, {"WHAT"}, {"SPENT", Align::right}, {"AMOUNT", Align::right}, {"UNIT"}});
  for (const base::Json& event : page.find("data")->items())
    table.add({time_of(event, "at"), text_of(event, "limit"), text_of(event, "name"),
               text_of(event, "action") + " at " + text_of(event, "percent") + "%", text_of(event, "spent"),
               text_of(event, "amount"), text_of(event, "unit")});
  return table.to_string();
}

}  // namespace

void add_events(CLI::App& app, Session& session) {
  CLI::App& noun = *app.add_subcommand("events", "What happened to limits");
  noun.require_subcommand(1);
  CLI::App& verb = *noun.add_subcommand("list", "List the thresholds that were crossed, newest first");
  session.add_options(verb);
  const auto query = std::make_shared<ListQuery>();
  query->add(verb, "--limit-id", "Only events of this limit");
  query->add_page(verb);
  session.on(verb, [query, &session]() -> base::Status {
    TRY(const auto reply, session.get("/api/v1/events", query->parameters()));
    session.print(reply, table_of);
    return {};
  });
}

}  // namespace cli
