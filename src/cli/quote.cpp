#include <fmt/format.h>

#include "base/window.h"
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

constexpr std::int64_t longest_seconds = 3'600;

std::string held_lines(const base::Json& held) {
  const std::string id = text_of(held, "id");
  return fmt::format("held        {} until {}\n            the call that pays with it sends: X-Metergate-Quote: {}\n",
                     id, time_of(held, "expires"), id);
}

std::string text_of_reply(const base::Json& reply) {
  std::string out = verdict_line(reply) + "\n" + worst_case_lines(reply) + expected_line(*reply.find("expected"));
  if (const base::Json* const held = reply.find("held")) out += held_lines(*held);
  return out;
}

// "90s", "10m" or "1h" in seconds.
base::Result<std::int64_t> seconds_of(const std::string& text) {
  const auto span_ms = base::parse_span_ms(text);
  if (!span_ms || *span_ms > longest_seconds * 1'000)
    return base::invalid(fmt::format("--hold {} is not a time from 1s to 1h, such as 90s, 10m or 1h", text), "hold");
  return *span_ms / 1'000;
}

}  // namespace

void add_quote(CLI::App& app, Session& session) {
  CLI::App& verb = *app.add_subcommand("quote", "Say what a call costs at most and what such calls did cost; hold it");
  session.add_options(verb);
  const auto arguments = std::make_shared<CallArguments>();
  arguments->add_options(verb);
  const auto hold = std::make_shared<std::string>();
  verb.add_option("--hold", *hold, "Hold what it may cost for so long (1s to 1h), for a call that names the quote")
      ->type_name("TIME");
  session.on(verb, [arguments, hold, &session]() -> base::Status {
    TRY(auto body, arguments->body());
    if (!hold->empty()) {
      TRY(const std::int64_t seconds, seconds_of(*hold));
      body["hold"] = true;
      body["ttl_seconds"] = seconds;
    }
    TRY(const auto reply, session.post("/api/v1/quote", body));
    session.print(reply, text_of_reply);
    return {};
  });
}

}  // namespace cli
