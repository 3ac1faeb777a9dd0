#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cli/imagined_call.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

constexpr int bar_width = 24;
constexpr std::string_view legend = "█ spent  ▓ unresolved  ▒ reserved  + this call at most  · left  ! does not fit\n";

double number_of(const base::Json& limit, std::string_view name) {
  const base::Json* const value = limit.find(name);
  return value == nullptr ? 0 : std::strtod(value->text().c_str(), nullptr);  // only for drawing
}

// The limit's amount as a bar: what is gone of it, and what the call would hold.
std::string bar_of(const base::Json& limit) {
  const double amount = number_of(limit, "amount");
  const bool clamped = limit.find("required_if_clamped") != nullptr;
  const double wanted = number_of(limit, clamped ? "required_if_clamped" : "required");
  const bool overflows = wanted > number_of(limit, "available");
  std::string bar;
  double upto = 0;
  int drawn = 0;
  const auto draw = [&](double part, std::string_view sign) {
    upto += part;
    // What is there is seen, however little it is.
    int until = amount > 0 ? static_cast<int>(std::lround(std::min(upto / amount, 1.0) * bar_width)) : bar_width;
    if (part > 0) until = std::max(until, std::min(drawn + 1, bar_width));
    for (; drawn < until; ++drawn) bar += sign;
  };
  draw(number_of(limit, "spent"), "█");
  draw(number_of(limit, "unresolved"), "▓");
  draw(number_of(limit, "reserved"), "▒");
  if (limit.find("required") != nullptr) draw(wanted, "+");
  for (; drawn < bar_width; ++drawn) bar += "·";
  return overflows ? bar + "!" : bar;
}

std::string subject_of(const base::Json& limit) {
  const auto subject = (limit.find("account") != nullptr ? "account " : "key ") + text_of(limit, "subject_name");
  return text_of(limit, "from_template") == "-" ? subject : subject + ", by template";
}

std::string limits_of(const base::Json& reply) {
  Table table({{"LIMIT"},
               {"ON"},
               {"MODE"},
               {"UNIT"},
               {"AMOUNT", Align::right},
               {"SPENT", Align::right},
               {"UNRESOLVED", Align::right},
               {"RESERVED", Align::right},
               {"AVAILABLE", Align::right},
               {"AT MOST", Align::right},
               {""},
               {"SAYS"}});
  const auto says_of = [](const base::Json& one) {
    auto says = text_of(one, "verdict");
    std::ranges::replace(says, '_', ' ');
    return one.find("output_cap") == nullptr ? says : says + " to " + text_of(one, "output_cap");
  };
  for (const base::Json& limit : reply.find("limits")->items()) {
    auto says = says_of(limit);
    if (text_of(reply, "decided_by") == text_of(limit, "id")) says += "  <- decides";
    table.add({text_of(limit, "name"), subject_of(limit), mode_of(limit), text_of(limit, "unit"),
               text_of(limit, "amount"), text_of(limit, "spent"), text_of(limit, "unresolved"),
               text_of(limit, "reserved"), text_of(limit, "available"), text_of(limit, "required"), bar_of(limit),
               says});
  }
  if (const base::Json* const balance = reply.find("balance"))
    table.add({"balance", "account " + text_of(*balance, "account_name"), "prepaid", "usd", text_of(*balance, "amount"),
               text_of(*balance, "spent"), text_of(*balance, "unresolved"), text_of(*balance, "reserved"),
               text_of(*balance, "available"), text_of(*balance, "required"), bar_of(*balance), says_of(*balance)});
  return table.to_string();
}

std::string text_of_reply(const base::Json& reply) {
  std::string out = verdict_line(reply) + "\n" + worst_case_lines(reply);
  if (reply.find("limits")->items().empty() && reply.find("balance") == nullptr)
    return out + "\nNo limit is on this key or its accounts.\n";
  return out + "\n" + limits_of(reply) + std::string(legend);
}

}  // namespace

std::string mode_of(const base::Json& limit) {
  const bool lazy = text_of(limit, "mode") == "enforce" && text_of(limit, "admission") == "lazy";
  return lazy ? "lazy" : text_of(limit, "mode");
}

std::string verdict_line(const base::Json& reply) {
  const auto verdict = text_of(reply, "verdict");
  if (verdict == "admitted") return "admitted\n";
  if (verdict == "admitted_clamped")
    return fmt::format("admitted, with the output cap lowered to {}\n", text_of(reply, "clamped_to"));
  return fmt::format("{} ({}): {}\n", verdict, text_of(reply, "status"), text_of(reply, "message"));
}

std::string worst_case_lines(const base::Json& reply) {
  std::vector<std::pair<std::string, std::string>> values{{"model", text_of(reply, "model")},
                                                          {"route", text_of(reply, "route")}};
  const auto in_words = [](const base::Json& amounts) {
    std::string words = fmt::format("{} usd, {} tokens ({} in, {} out), {} request", text_of(amounts, "usd"),
                                    text_of(amounts, "tokens"), text_of(amounts, "input_tokens"),
                                    text_of(amounts, "output_tokens"), text_of(amounts, "requests"));
    if (const base::Json* const units = amounts.find("units"))
      for (const auto& [unit, weight] : units->members()) words += fmt::format(", {} {}", weight.text(), unit);
    return words;
  };
  if (const base::Json* const worst = reply.find("worst_case")) {
    values.emplace_back("output cap", text_of(reply, "output_cap"));
    values.emplace_back("at most", in_words(*worst));
  }
  if (const base::Json* const clamped = reply.find("clamped_worst_case"))
    values.emplace_back("clamped", in_words(*clamped));
  return list_of(values);
}

void CallArguments::add_options(CLI::App& verb) {
  verb.add_option("KEY", key, "The key that would call: its id or its name")->required();
  verb.add_option("--model", model, "The model; with --body, in place of the body's");
  verb.add_option("--max-tokens", max_tokens, "The answer's cap; with --body, in place of the body's");
  auto& input = *verb.add_option("--input-tokens", input_tokens,
                                 "How many tokens of input are held; an empty conversation's unless told");
  verb.add_option("--body", body_file, "A file with the whole request as it would be sent")->excludes(&input);
  verb.add_option("--route", route, "The route; the only one unless told");
  verb.add_option("--path", path, "The address behind the route's prefix; that of the provider's chat unless told");
  verb.add_option("--tags", tags, "What X-Metergate-Tags would say, such as team=search");
}

base::Result<boost::json::object> CallArguments::body() const {
  boost::json::object out{{"key", key}};
  if (!model.empty()) out["model"] = model;
  if (!route.empty()) out["route"] = route;
  if (!path.empty()) out["path"] = path;
  if (!tags.empty()) out["tags"] = tags;
  if (max_tokens) out["max_tokens"] = *max_tokens;
  if (input_tokens) out["input_tokens"] = *input_tokens;
  if (body_file.empty()) return out;
  std::ifstream file(body_file, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return base::invalid(fmt::format("cannot read {}", body_file), "body");
  out["body"] = text.str();
  return out;
}

void add_explain(CLI::App& app, Session& session) {
  CLI::App& verb = *app.add_subcommand("explain", "Say what would become of a call, limit by limit; nothing is held");
  session.add_options(verb);
  const auto arguments = std::make_shared<CallArguments>();
  arguments->add_options(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    TRY(const auto body, arguments->body());
    TRY(const auto reply, session.post("/api/v1/explain", body));
    session.print(reply, text_of_reply);
    return {};
  });
}

}  // namespace cli
