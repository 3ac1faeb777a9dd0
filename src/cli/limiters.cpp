#include <fmt/format.h>

#include "cli/forms.h"
#include "cli/list_query.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

constexpr const char* limiters = "/api/v1/limiters";

std::string path_of(const std::string& reference) { return fmt::format("{}/{}", limiters, reference); }

std::string table_of(const base::Json& page) {
  Table table({{"NAME"},
               {"ENDPOINT"},
               {"ACTIVE"},
               {"BUDGET", Align::right},
               {"PER"},
               {"SPENT", Align::right},
               {"AVAILABLE", Align::right},
               {"RESETS"},
               {"BASE URL"},
               {"ID"}});
  for (const base::Json& one : page.find("data")->items())
    table.add({text_of(one, "name"), text_of(one, "endpoint"), text_of(one, "active") == "true" ? "yes" : "no",
               text_of(one, "budget"), text_of(one, "window"), text_of(one, "spent"), text_of(one, "available"),
               time_of(one, "resets_at"), text_of(one, "base_url"), text_of(one, "id")});
  return table.to_string();
}

// Where calls go, and which ones: what create and edit set alike.
struct Target {
  std::string base_url, provider;
  std::vector<std::string> models, deployments;

  void add(CLI::App& verb) {
    verb.add_option("--base-url", base_url,
                    "Where calls go, such as https://api.openai.com or https://NAME.openai.azure.com");
    verb.add_option("--provider", provider, "Whose dialect is spoken there; the host's own unless told");
    verb.add_option("--model", models,
                    "A model that may be asked for; '*' stands for any characters; may be given more than once")
        ->allow_extra_args(false);
    verb.add_option("--deployment", deployments,
                    "The model behind a deployment of Azure's: NAME=MODEL; may be given more than once")
        ->allow_extra_args(false);
  }
  base::Status put_into(boost::json::object& body) const {
    if (!base_url.empty()) body["base_url"] = base_url;
    if (!provider.empty()) body["provider"] = provider;
    if (!models.empty()) {
      boost::json::array list;
      for (const std::string& model : models)
        if (model != "none") list.emplace_back(model);
      body["models"] = std::move(list);
    }
    if (deployments.empty()) return {};
    boost::json::object map;
    for (const std::string& text : deployments) {
      const auto equals = text.find('=');
      if (equals == std::string::npos)
        return base::invalid(fmt::format("'{}' is not NAME=MODEL, such as my-gpt=gpt-4o", text));
      map[text.substr(0, equals)] = text.substr(equals + 1);
    }
    body["deployments"] = std::move(map);
    return {};
  }
};

void add_create(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("create", "Make an endpoint of its own with a budget");
  session.add_options(verb);
  struct Arguments {
    std::string name, budget, code, parent, time_zone;
    std::optional<int> status;
    Target target;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("NAME", arguments->name, "What it is called")->required();
  verb.add_option("BUDGET", arguments->budget, "'20 usd/day'; per minute, hour, day, week, month, year and others")
      ->required();
  arguments->target.add(verb);
  verb.add_option("--code", arguments->code, "The code in its path; one that nobody guesses unless told");
  verb.add_option("--parent", arguments->parent, "The account above it, whose limits hold for it too");
  verb.add_option("--time-zone", arguments->time_zone, "Whose midnight its periods begin at; UTC unless told");
  verb.add_option("--status", arguments->status, "What a refused call is answered with; 402 unless told")
      ->check(CLI::IsMember({402, 429}));
  session.on(verb, [arguments, &session]() -> base::Status {
    TRY(const LimitForm form, parse_limit_form(arguments->budget));
    if (form.unit != "usd")
      return base::invalid(fmt::format("a limiter's budget is in usd, such as '20 usd/day'; this is in {}", form.unit));
    boost::json::object body{{"name", arguments->name}, {"budget", form.amount}, {"window", form.window}};
    TRY_STATUS(arguments->target.put_into(body));
    if (!arguments->code.empty()) body["code"] = arguments->code;
    if (!arguments->parent.empty()) body["parent"] = arguments->parent;
    if (!arguments->time_zone.empty()) body["time_zone"] = arguments->time_zone;
    if (arguments->status) body["status"] = *arguments->status;
    TRY(const auto reply, session.create(limiters, body));
    session.print_one(reply);
    return {};
  });
}

void add_list(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("list", "List limiters with what they have spent, newest first");
  session.add_options(verb);
  const auto query = std::make_shared<ListQuery>();
  query->add_page(verb);
  session.on(verb, [query, &session]() -> base::Status {
    TRY(const auto reply, session.get(limiters, query->parameters()));
    session.print(reply, table_of);
    return {};
  });
}

void add_edit(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("edit", "Change what a limiter may spend, its name, or where its calls go");
  session.add_options(verb);
  struct Arguments {
    std::string reference, name, budget;
    Target target;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("LIMITER", arguments->reference, "Id, code or name")->required();
  verb.add_option("--name", arguments->name, "What it is called");
  verb.add_option("--budget", arguments->budget, "Dollars per period, such as 25; what was spent stays spent");
  arguments->target.add(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    boost::json::object body;
    if (!arguments->name.empty()) body["name"] = arguments->name;
    if (!arguments->budget.empty()) body["budget"] = arguments->budget;
    TRY_STATUS(arguments->target.put_into(body));
    TRY(const auto reply, session.patch(path_of(arguments->reference), body));
    session.print_one(reply);
    return {};
  });
}

// A verb that names one limiter.
void add_named(CLI::App& noun, Session& session, const char* name, const char* help) {
  CLI::App& verb = *noun.add_subcommand(name, help);
  session.add_options(verb);
  const auto reference = std::make_shared<std::string>();
  verb.add_option("LIMITER", *reference, "Id, code or name")->required();
  session.on(verb, [reference, action = std::string(name), &session]() -> base::Status {
    const std::string path = path_of(*reference);
    if (action == "delete") {
      TRY_STATUS(session.remove(path));
      session.say("deleted");
      return {};
    }
    if (action == "toggle") {
      TRY(const auto reply, session.act(path + "/toggle"));
      session.print_one(reply);
      return {};
    }
    TRY(const auto reply, session.get(action == "stats" ? path + "/stats" : path));
    session.print_one(reply);
    return {};
  });
}

}  // namespace

void add_limiters(CLI::App& app, Session& session) {
  CLI::App& noun =
      *app.add_subcommand("limiters", "Endpoints with a budget, for clients with provider keys of their own");
  noun.require_subcommand(1);
  add_create(noun, session);
  add_list(noun, session);
  add_named(noun, session, "show", "Show a limiter");
  add_named(noun, session, "stats", "What is spent and left of its budget in this period");
  add_edit(noun, session);
  add_named(noun, session, "toggle", "Switch it off, or on again");
  add_named(noun, session, "delete", "End it for good; what it spent stays known");
}

}  // namespace cli
