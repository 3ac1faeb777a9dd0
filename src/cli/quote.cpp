#include <fmt/format.h>

#include "cli/imagined_call.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace cli {
namespace {

std::string expected_line(const base::Json& expected) {
  const base::Json* const from = expected.find("derived_from");
  if (from == nullptr) return fmt::format("expected    not known: {}\n", text_of(expected, "unknown_because"));
  const bool own = text_of(*from, "calls_of") == "key";
  return fmt::format("expected    {} usd: {} calls of {} since {} did cost {} of at most {} usd\n",
                     text_of(expected, "usd"), text_of(*from, "calls"), own ? "this key" : "all keys",
                     time_of(*from, "since"), text_of(*from, "cost"), text_of(*from, "worst_case"));
}

std::string text_of_reply(const base::Json& reply) {
  return verdict_line(reply) + "\n" + worst_case_lines(reply) + expected_line(*reply.find("expected"));
}

}  // namespace

void add_quote(CLI::App& app, Session& session) {
  CLI::App& verb = *app.add_subcommand("quote", "Say what a call costs at most, and what such calls did cost");
  session.add_options(verb);
  const auto arguments = std::make_shared<CallArguments>();
  arguments->add_options(verb);
  session.on(verb, [arguments, &session]() -> base::Status {
    TRY(const auto body, arguments->body());
    TRY(const auto reply, session.post("/api/v1/quote", body));
    session.print(reply, text_of_reply);
    return {};
  });
}

}  // namespace cli
