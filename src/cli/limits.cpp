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
               {"RESETS"}});
  for (const base::Json& limit : page.find("data")->items()) {
    const bool on_account = limit.find("account") != nullptr;
    table.add({text_of(limit, "id"), text_of(limit, "name"),
               (on_account ? "account " : "key ") + text_of(limit, on_account ? "account" : "key"), mode_of(limit),
               text_of(limit, "unit"), text_of(limit, "amount"), text_of(limit, "available"),
               text_of(limit, "reserved"), text_of(limit, "unresolved"), text_of(limit, "spent"),
               time_of(limit, "resets_at")});
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
  CLI::App& verb = *noun.add_subcommand("create", "Put a limit on an account or key");
  session.add_options(verb);
  struct Arguments {
    std::string limit, account, key, time_zone, model, route, tag;
    Details details;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("LIMIT", arguments->limit,
                  "Such as \"10 usd/day\", \"100000 tokens/month\" or \"100 requests/rolling:5h\"")
      ->required();
  auto& subject = *verb.add_option_group("subject", "What it is on");
  subject.add_option("--account", arguments->account, "An account, and all below it");
  subject.add_option("--key", arguments->key, "A single key");
  subject.require_option(1);
  verb.add_option("--time-zone", arguments->time_zone, "Whose midnights count, such as Europe/Berlin; UTC unless told");
  verb.add_option("--model", arguments->model, "Only calls of these models, such as \"gpt-4o*\"; '*' and '?' are wild");
  verb.add_option("--route", arguments->route, "Only calls on this route");
  verb.add_option("--tag", arguments->tag, "Only calls with this tag, such as team=search");
  arguments->details.add_options(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    TRY(const LimitForm form, parse_limit_form(arguments->limit));
    boost::json::object body{{"unit", form.unit}, {"window", form.window}, {"amount", form.amount}};
    if (!arguments->time_zone.empty()) body["time_zone"] = arguments->time_zone;
    if (!arguments->account.empty()) body["account"] = arguments->account;
    if (!arguments->key.empty()) body["key"] = arguments->key;
    if (!arguments->model.empty()) body["model"] = arguments->model;
    if (!arguments->route.empty()) body["route"] = arguments->route;
    if (!arguments->tag.empty()) body["tag"] = arguments->tag;
    TRY_STATUS(arguments->details.put_into(body));
    TRY(const auto reply, session.create(limits, body));
    session.print_one(reply);
    return {};
  });
}

void add_edit(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("edit", "Change a limit; what was spent stays spent");
  session.add_options(verb);
  struct Arguments {
    std::string id, amount;
    Details details;
  };
  const auto arguments = std::make_shared<Arguments>();
  verb.add_option("ID", arguments->id, "The limit's id")->required();
  verb.add_option("--amount", arguments->amount, "Its amount: dollars, or a whole number");
  arguments->details.add_options(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    boost::json::object body;
    if (!arguments->amount.empty()) body["amount"] = arguments->amount;
    TRY_STATUS(arguments->details.put_into(body));
    TRY(const auto reply, session.patch(std::string(limits) + "/" + arguments->id, body));
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
  query->add_page(verb);
  session.on(verb, [query, &session]() -> base::Status {
    TRY(const auto reply, session.get(limits, query->parameters()));
    session.print(reply, table_of);
    return {};
  });
}

void add_show(CLI::App& noun, Session& session) {
  CLI::App& verb = *noun.add_subcommand("show", "Show a limit with what is left of it");
  session.add_options(verb);
  const auto id = std::make_shared<std::string>();
  verb.add_option("ID", *id, "The limit's id")->required();
  session.on(verb, [id, &session]() -> base::Status {
    TRY(const auto reply, session.get(std::string(limits) + "/" + *id));
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
  const auto id = std::make_shared<std::string>();
  verb.add_option("ID", *id, "The limit's id")->required();
  session.on(verb, [id, &session]() -> base::Status {
    TRY_STATUS(session.remove(std::string(limits) + "/" + *id));
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
