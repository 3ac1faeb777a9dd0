#include <fmt/format.h>

#include <charconv>

#include "cli/forms.h"
#include "cli/imagined_call.h"
#include "cli/list_query.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

constexpr const char* limits = "/api/v1/limits";
constexpr const char* templates = "/api/v1/limit-templates";

// A verb for one limit, or with --template for one template.
struct Which {
  std::string id;
  bool is_template = false;

  void add_options(CLI::App& verb) {
    verb.add_option("ID", id, "The limit's id")->required();
    verb.add_flag("--template", is_template, "The id is a template's");
  }
  std::string path() const { return std::string(is_template ? templates : limits) + "/" + id; }
};

std::string templates_table_of(const base::Json& page) {
  Table table(
      {{"ID"}, {"NAME"}, {"FOR EACH ACCOUNT"}, {"MODE"}, {"UNIT"}, {"AMOUNT", Align::right}, {"LIMITS", Align::right}});
  for (const base::Json& one : page.find("data")->items()) {
    const bool below = one.find("account") != nullptr;
    const auto level = text_of(one, "level");
    auto which = below ? fmt::format("{} below {}", level, text_of(one, "account")) : "on level " + level;
    table.add({text_of(one, "id"), text_of(one, "name"), std::move(which), mode_of(one), text_of(one, "unit"),
               text_of(one, "amount"), text_of(one, "limits")});
  }
  return table.to_string();
}

std::string table_of(const base::Json& page) {
  Table table({{"ID"},
               {"NAME"},
               {"ON"},
               {"MODE"},
               {"UNIT"},
               {"AMOUNT", Align::right},
               {"AVAILABLE", Align::right},
               {"RESERVED", Align::right},
               {"UNRESOLVED", Align::right},
               {"SPENT", Align::right},
               {"RESETS"},
               {"TEMPLATE"}});
  for (const base::Json& limit : page.find("data")->items()) {
    const bool on_account = limit.find("account") != nullptr;
    table.add({text_of(limit, "id"), text_of(limit, "name"),
               (on_account ? "account " : "key ") + text_of(limit, on_account ? "account" : "key"), mode_of(limit),
               text_of(limit, "unit"), text_of(limit, "amount"), text_of(limit, "available"),
               text_of(limit, "reserved"), text_of(limit, "unresolved"), text_of(limit, "spent"),
               time_of(limit, "resets_at"), text_of(limit, "from_template")});
  }
  return table.to_string();
}

// What may be told of a limit when it is made and when it is changed.
struct Details {
  std::string name;
  std::optional<int> status;
  std::string clamp, mode, admission;
  std::vector<std::string> thresholds;

  void add_options(CLI::App& verb) {
    verb.add_option("--name", name, "Its name; the limit itself unless told");
    verb.add_option("--status", status, "What a refused call is answered with; 402 unless told")
        ->check(CLI::IsMember({402, 429}));
    verb.add_option("--clamp", clamp, "Whether an answer may be shortened to what can be paid for; on unless told")
        ->check(CLI::IsMember({"on", "off"}));
    verb.add_option("--mode", mode, "Whether it refuses, or only counts (shadow); enforce unless told")
        ->check(CLI::IsMember({"enforce", "shadow"}));
    verb.add_option(
            "--admission", admission,
            "Whether a call holds its worst case first (reserve), or goes while the amount is not spent (lazy); "
            "reserve unless told")
        ->check(CLI::IsMember({"reserve", "lazy"}));
    verb.add_option("--threshold", thresholds,
                    "What happens when so much is spent: a percentage and 'warn' or 'block', such as 80:warn; may be "
                    "given more than once, and replaces what is there; 'none' removes all")
        ->allow_extra_args(false);
  }
  base::Status put_into(boost::json::object& body) const {
    if (!name.empty()) body["name"] = name;
    if (status) body["status"] = *status;
    if (!clamp.empty()) body["clamp"] = clamp == "on";
    if (!mode.empty()) body["mode"] = mode;
    if (!admission.empty()) body["admission"] = admission;
    if (thresholds.empty()) return {};
    boost::json::array list;
    for (const std::string& text : thresholds) {
      if (text == "none" && thresholds.size() == 1) break;
      const auto colon = text.find(':');
      int percent = 0;
      const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), percent);
      if (problem != std::errc{} || colon == std::string::npos || end != text.data() + colon)
        return base::invalid(
            fmt::format("'{}' is not a threshold; write a percentage and an action, such as 80:warn", text));
      list.push_back(boost::json::object{{"percent", percent}, {"action", text.substr(colon + 1)}});
    }
    body["thresholds"] = std::move(list);
    return {};
  }
};

void add_create(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("create", "Put a limit on an account or key, or on all accounts of a level");
  session.add_options(verb);
  struct Arguments {
    std::string limit, account, key, time_zone, model, route, tag;
    bool is_template = false;
    std::optional<int> level;
    Details details;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("LIMIT", arguments->limit,
                  "Such as \"10 usd/day\", \"100000 tokens/month\" or \"100 requests/rolling:5h\"")
      ->required();
  auto& subject = *verb.add_option_group("subject", "What it is on");
  subject.add_option("--account", arguments->account,
                     "An account, and all below it; with --template, the account whose children are meant");
  CLI::Option* const key = subject.add_option("--key", arguments->key, "A single key");
  subject.require_option(0, 1);
  CLI::Option* const is_template = verb.add_flag(
      "--template", arguments->is_template,
      "For each account directly below --account, or else each without a parent, that has no such limit of its own");
  is_template->excludes(key);
  verb.add_option("--level", arguments->level,
                  "With --template: how many levels below, or down from the top; 1 unless told")
      ->needs(is_template);
  verb.add_option("--time-zone", arguments->time_zone, "Whose midnights count, such as Europe/Berlin; UTC unless told");
  verb.add_option("--model", arguments->model, "Only calls of these models, such as \"gpt-4o*\"; '*' and '?' are wild");
  verb.add_option("--route", arguments->route, "Only calls on this route");
  verb.add_option("--tag", arguments->tag, "Only calls with this tag, such as team=search");
  verb.parse_complete_callback([arguments] {
    if (!arguments->is_template && arguments->account.empty() && arguments->key.empty())
      throw CLI::RequiredError("--account, --key or --template");
  });
  arguments->details.add_options(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    TRY(const LimitForm form, parse_limit_form(arguments->limit));
    boost::json::object body{{"unit", form.unit}, {"window", form.window}, {"amount", form.amount}};
    if (arguments->level) body["level"] = *arguments->level;
    if (!arguments->time_zone.empty()) body["time_zone"] = arguments->time_zone;
    if (!arguments->account.empty()) body["account"] = arguments->account;
    if (!arguments->key.empty()) body["key"] = arguments->key;
    if (!arguments->model.empty()) body["model"] = arguments->model;
    if (!arguments->route.empty()) body["route"] = arguments->route;
    if (!arguments->tag.empty()) body["tag"] = arguments->tag;
    TRY_STATUS(arguments->details.put_into(body));
    TRY(const auto reply, session.create(arguments->is_template ? templates : limits, body));
    session.print_one(reply);
    return {};
  });
}

void add_edit(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("edit", "Change a limit; what was spent stays spent");
  session.add_options(verb);
  struct Arguments {
    Which which;
    std::string amount;
    Details details;
  };
  const auto arguments = std::make_shared<Arguments>();
  arguments->which.add_options(verb);
  verb.add_option("--amount", arguments->amount, "Its amount: dollars, or a whole number");
  arguments->details.add_options(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    boost::json::object body;
    if (!arguments->amount.empty()) body["amount"] = arguments->amount;
    TRY_STATUS(arguments->details.put_into(body));
    TRY(const auto reply, session.patch(arguments->which.path(), body));
    session.print_one(reply);
    return {};
  });
}

void add_list(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("list", "List limits with what is left of them, newest first");
  session.add_options(verb);
  const auto query = std::make_shared<ListQuery>();
  query->add(verb, "--account", "Only limits on this account");
  query->add(verb, "--key", "Only limits on this key");
  query->add(verb, "--template", "Only limits that come from this template");
  query->add_page(verb);
  const auto of_templates = std::make_shared<bool>(false);
  verb.add_flag("--templates", *of_templates, "The templates themselves");
  session.on(verb, [query, of_templates, &session]() -> base::Status {
    TRY(const auto reply, session.get(*of_templates ? templates : limits, query->parameters()));
    session.print(reply, *of_templates ? templates_table_of : table_of);
    return {};
  });
}

void add_show(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("show", "Show a limit with what is left of it");
  session.add_options(verb);
  const auto which = std::make_shared<Which>();
  which->add_options(verb);
  session.on(verb, [which, &session]() -> base::Status {
    TRY(const auto reply, session.get(which->path()));
    session.print_one(reply);
    return {};
  });
}

void add_raise(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("raise", "Raise a limit for a time");
  session.add_options(verb);
  struct Arguments {
    std::string id, amount, until;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("ID", arguments->id, "The limit's id")->required();
  verb.add_option("AMOUNT", arguments->amount, "What it is raised to: dollars, or a whole number")->required();
  verb.add_option("--until", arguments->until, "When it ends, such as 2026-12-01T00:00:00Z")->required();
  session.on(verb, [arguments, &session]() -> base::Status {
    const boost::json::object body{{"amount", arguments->amount}, {"until", arguments->until}};
    TRY(const auto reply,
        session.put(std::string(limits) + "/" + arguments->id + "/raise", body, MissingFolder::refuse));
    session.print_one(reply);
    return {};
  });
}

void add_end_raise(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("end-raise", "End a raise now");
  session.add_options(verb);
  const auto id = std::make_shared<std::string>();
  verb.add_option("ID", *id, "The limit's id")->required();
  session.on(verb, [id, &session]() -> base::Status {
    TRY(const auto reply, session.remove(std::string(limits) + "/" + *id + "/raise"));
    session.print_one(reply);
    return {};
  });
}

void add_remove(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("remove", "Remove a limit");
  session.add_options(verb);
  const auto which = std::make_shared<Which>();
  which->add_options(verb);
  session.on(verb, [which, &session]() -> base::Status {
    TRY_STATUS(session.remove(which->path()));
    session.say("removed");
    return {};
  });
}

}  // namespace

void add_limits(CLI::App& app, Session& session) {
  CLI::App& noun = *app.add_subcommand("limits", "How much may be spent");
  noun.require_subcommand(1);
  add_create(noun, session);
  add_list(noun, session);
  add_show(noun, session);
  add_edit(noun, session);
  add_raise(noun, session);
  add_end_raise(noun, session);
  add_remove(noun, session);
}

}  // namespace cli
