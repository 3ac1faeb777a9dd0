#include <algorithm>

#include "cli/list_query.h"
#include "cli/table.h"
#include "cli/usage_rerate.h"
#include "cli/verbs.h"

namespace cli {
namespace {

// "KEY"; of a group by a tag, the tag's name as it is.
std::string heading_of(std::string group) {
  constexpr std::string_view tag = "tag:";
  if (group.starts_with(tag)) return group.substr(tag.size());
  std::ranges::transform(group, group.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return group;
}

std::string sums_of(const base::Json& reply) {
  const auto group = text_of(reply, "group");
  const bool total = group == "total";
  Table table({{total ? std::string() : heading_of(group)},
               {"REQUESTS", Align::right},
               {"REFUSALS", Align::right},
               {"INPUT TOKENS", Align::right},
               {"OUTPUT TOKENS", Align::right},
               {"UNKNOWN", Align::right},
               {"COST (USD)", Align::right}});
  for (const base::Json& sum : reply.find("data")->items()) {
    const base::Json* name = sum.find("name");
    table.add({total             ? "total"
               : name != nullptr ? name->text()
                                 : text_of(sum, "group"),
               text_of(sum, "requests"), text_of(sum, "refusals"), text_of(sum, "input_tokens"),
               text_of(sum, "output_tokens"), text_of(sum, "unknown_usage"), text_of(sum, "cost")});
  }
  return table.to_string();
}

std::string records_of(const base::Json& page) {
  Table table({{"STARTED"},
               {"ID"},
               {"MODEL"},
               {"OUTCOME"},
               {"STATUS", Align::right},
               {"INPUT", Align::right},
               {"OUTPUT", Align::right},
               {"COST (USD)", Align::right},
               {"ERROR"}});
  for (const base::Json& record : page.find("data")->items()) {
    const base::Json* usage = record.find("usage");
    const auto tokens = [&](std::string_view name) { return usage != nullptr ? text_of(*usage, name) : "-"; };
    table.add({time_of(record, "started"), text_of(record, "id"), text_of(record, "model"), text_of(record, "outcome"),
               text_of(record, "status"), tokens("input_tokens"), tokens("output_tokens"), text_of(record, "cost"),
               text_of(record, "error")});
  }
  return table.to_string();
}

}  // namespace

void add_usage(CLI::App& app, Session& session) {
  CLI::App& verb = *app.add_subcommand("usage", "What was spent");
  session.add_options(verb);
  struct Arguments {
    ListQuery filter, group, page;
    bool records = false;
  };
  const auto arguments = std::make_shared<Arguments>();
  auto* group = arguments->group.add(verb, "--group",
                                     "Sum by total, account, key, model, day, upstream, route, reason or "
                                     "tag:NAME; total unless told");
  arguments->filter.add(verb, "--account", "Only of this account");
  arguments->filter.add(verb, "--key", "Only of this key");
  arguments->filter.add(verb, "--model", "Only of calls that asked for this model");
  arguments->filter.add(verb, "--tag", "Only of calls with this tag, such as team=search");
  arguments->filter.add(verb, "--from", "From this date or time on, such as 2026-11-01");
  arguments->filter.add(verb, "--to", "Before this date or time");
  auto* records = verb.add_flag("--records", arguments->records, "List the calls one by one, newest first");
  records->excludes(group);
  arguments->page.add_page(verb);
  add_usage_rerate(verb, session);
  session.on(verb, [arguments, &verb, &session]() -> base::Status {
    if (!verb.get_subcommands().empty()) return {};
    auto query = arguments->filter.parameters();
    const auto more = arguments->records ? arguments->page.parameters() : arguments->group.parameters();
    query.insert(query.end(), more.begin(), more.end());
    if (!arguments->records && !arguments->page.parameters().empty())
      return base::invalid("--limit and --cursor are for --records; sums have no pages");
    TRY(const auto reply, session.get(arguments->records ? "/api/v1/usage/records" : "/api/v1/usage", query));
    session.print(reply, arguments->records ? records_of : sums_of);
    return {};
  });
}

}  // namespace cli
