#include <fmt/format.h>

#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

// Of the exit code: what a script asks.
constexpr int balances = 0, is_wrong = 1, cannot_tell = 2;

// Whose counter a line is about.
std::string counter_of(const base::Json& one) {
  const char* const kind = one.find("grant") != nullptr ? "grant" : "limit";
  const auto id = text_of(one, kind);
  return id == "-" ? id : fmt::format("{} {}", kind, id);
}

std::string wrong_of(const base::Json& report) {
  Table table({{"WRONG"}, {"OF"}, {"WINDOW"}, {"UNIT"}, {"KEPT", Align::right}, {"DERIVED", Align::right}});
  for (const base::Json& one : report.find("wrong")->items()) {
    const bool of_account = one.find("account") != nullptr;
    table.add({text_of(one, "what"), of_account ? "account " + text_of(one, "account") : counter_of(one),
               text_of(one, "window"), text_of(one, "unit"), text_of(one, "kept"), text_of(one, "derived")});
  }
  return table.to_string();
}

std::string leases_of(const base::Json& report) {
  Table table({{"OPEN LEASE OF"}, {"WINDOW"}, {"UNIT"}, {"GRANTED", Align::right}, {"LEFT", Align::right}});
  for (const base::Json& lease : report.find("open_leases")->items())
    table.add({counter_of(lease), text_of(lease, "window"), text_of(lease, "unit"), text_of(lease, "granted"),
               text_of(lease, "remainder")});
  return table.to_string();
}

std::string limits_of(const base::Json& report) {
  Table table({{"LIMIT"},
               {"NAME"},
               {"AMOUNT", Align::right},
               {"AVAILABLE", Align::right},
               {"RESERVED", Align::right},
               {"UNRESOLVED", Align::right},
               {"SPENT", Align::right}});
  for (const base::Json& limit : report.find("limits")->items())
    table.add({text_of(limit, "id"), text_of(limit, "name"), text_of(limit, "amount"), text_of(limit, "available"),
               text_of(limit, "reserved"), text_of(limit, "unresolved"), text_of(limit, "spent")});
  return table.to_string();
}

std::string report_of(const base::Json& report) {
  const auto verdict = text_of(report, "verdict");
  std::string out = verdict == "ok"      ? "The books balance."
                    : verdict == "wrong" ? "The books do not balance."
                                         : "Whether the books balance cannot be told.";
  out += fmt::format(
      "\n{} usage records, {} counters of limits and grants, {} transfers of {} USD that add up to zero; {} calls "
      "unresolved\n",
      text_of(report, "records"), text_of(report, "counters"), text_of(report, "transfers"), text_of(report, "booked"),
      text_of(report, "unresolved"));
  for (const base::Json& what : report.find("unreadable")->items())
    out += fmt::format("cannot read: {}\n", what.text());
  if (!report.find("wrong")->items().empty()) out += "\n" + wrong_of(report);
  if (!report.find("open_leases")->items().empty()) out += "\n" + leases_of(report);
  if (!report.find("limits")->items().empty()) out += "\n" + limits_of(report);
  return out;
}

}  // namespace

void add_doctor(CLI::App& app, Session& session) {
  CLI::App& verb = *app.add_subcommand("doctor", "Derive every number again from the records, and compare");
  session.add_options(verb);
  verb.footer("Exit code: 0 the books balance, 1 a number is wrong, 2 it cannot be told.");
  verb.callback([&session] {
    const auto reply = session.get("/api/v1/doctor");
    if (!reply) return session.fail(reply.error(), cannot_tell);
    session.print(*reply, report_of);
    const auto verdict = text_of(reply->json, "verdict");
    session.end_with(verdict == "ok" ? balances : verdict == "wrong" ? is_wrong : cannot_tell);
  });
}

}  // namespace cli
