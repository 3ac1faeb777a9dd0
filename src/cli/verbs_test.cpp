#include "cli/verbs.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "cli/bench_test.h"

using namespace cli;

TEST_CASE("accounts, keys and limits are listed in tables") {
  Bench bench;
  CHECK(bench.run({"accounts", "create", "Acme", "--external-id", "cus_1"}).code == 0);
  CHECK(bench.run({"keys", "create", "alice", "--account", "cus_1"}).code == 0);
  CHECK(bench.run({"limits", "create", "10 usd/day", "--account", "Acme", "--status", "429", "--clamp", "off"}).code ==
        0);
  const auto accounts = bench.run({"accounts", "list"}).out;
  CHECK(accounts.contains("NAME  EXTERNAL ID  STATUS  PARENT  BOOK  CREATED\n"));
  CHECK(accounts.contains("Acme  cus_1        active  -       -     2026-11-21T04:06:00Z\n"));
  CHECK(bench.run({"keys", "list", "--account", "Acme"}).out.contains("  alice  mg_live_"));
  const auto limits = bench.run({"limits", "list", "--account", "Acme"}).out;
  CHECK(limits.contains("AMOUNT  AVAILABLE  RESERVED  UNRESOLVED  SPENT  RESETS                TEMPLATE\n"));
  CHECK(limits.contains("    10         10         0           0      0  2026-11-22T00:00:00Z  -\n"));
  CHECK(bench.run({"accounts", "suspend", "Acme"}).out.contains("suspended"));
  CHECK(bench.run({"accounts", "activate", "Acme"}).out.contains("active"));
  CHECK(bench.run({"keys", "revoke", "alice"}).out.contains("revoked"));
}

TEST_CASE("a limit is shown, changed and removed by its id") {
  Bench bench;
  CHECK(bench.run({"accounts", "create", "Acme"}).code == 0);
  const auto created =
      bench.run({"limits", "create", "10 usd/day", "--account", "Acme", "--status", "429", "--json"}).out;
  const auto json = base::Json::parse(created);
  REQUIRE(json.has_value());
  const auto id = json->find("id")->text();
  CHECK(json->find("status")->text() == "429");
  CHECK(bench.run({"limits", "show", id.c_str()}).out.contains("available      10\n"));
  CHECK(bench.run({"limits", "edit", id.c_str(), "--amount", "12.5"}).out.contains("12.5 usd per day"));
  const auto nothing = bench.run({"limits", "edit", id.c_str()});
  CHECK(nothing.code == 1);
  CHECK(nothing.err.contains("nothing to change"));
  CHECK(bench.run({"limits", "remove", id.c_str()}).out == "removed\n");
  CHECK(bench.run({"limits", "show", id.c_str()}).code == 1);
}

TEST_CASE("a limit may be for some calls only, and may be lazy or only count") {
  Bench bench;
  CHECK(bench.run({"accounts", "create", "Acme"}).code == 0);
  const auto created = bench.run({"limits", "create", "10 usd/day", "--account", "Acme", "--model", "gpt-4o*",
                                  "--route", "openai", "--mode", "shadow", "--json"});
  const auto json = base::Json::parse(created.out);
  REQUIRE(json.has_value());
  const auto id = json->find("id")->text();
  CHECK(bench.run({"limits", "show", id.c_str()}).out.contains("model          gpt-4o*\n"));
  CHECK(bench.run({"limits", "list"}).out.contains("  shadow  usd "));
  CHECK(bench.run({"limits", "edit", id.c_str(), "--mode", "enforce", "--admission", "lazy"}).code == 0);
  CHECK(bench.run({"limits", "list"}).out.contains("  lazy  usd "));
  CHECK(bench.run({"limits", "edit", id.c_str(), "--mode", "observe"}).code == 2);
}

TEST_CASE("a limit is raised for a time, and given thresholds") {
  Bench bench;
  CHECK(bench.run({"accounts", "create", "Acme"}).code == 0);
  const auto created = bench.run({"limits", "create", "10 usd/day", "--account", "Acme", "--threshold", "100:block",
                                  "--threshold", "80:warn", "--json"});
  const auto json = base::Json::parse(created.out);
  REQUIRE(json.has_value());
  const auto id = json->find("id")->text();
  const auto run = [&](std::vector<const char*> more) {
    more.insert(more.begin() + 1, id.c_str());
    more.insert(more.begin(), "limits");
    return bench.run(more);
  };
  CHECK(run({"show"}).out.contains("thresholds     percent 80, action warn, percent 100, action block\n"));
  const auto raised = run({"raise", "15", "--until", "2026-12-01T00:00:00Z"});
  CHECK(raised.code == 0);
  CHECK(raised.out.contains("amount 15, until 2026-12-01T00:00:00.000Z, from 10\n"));
  CHECK(run({"show"}).out.contains("available      15\n"));
  CHECK(run({"raise", "15"}).code == 2);
  CHECK(run({"end-raise"}).out.contains("raise          -\n"));
  CHECK(run({"edit", "--threshold", "none"}).out.contains("thresholds     -\n"));
  CHECK(run({"edit", "--threshold", "80"}).err.contains("'80' is not a threshold"));
  CHECK(run({"edit", "--threshold", "80:downgrade"}).err.contains("not available yet"));
  CHECK(bench.run({"events", "list", "--limit-id", id.c_str()}).out.starts_with("AT  LIMIT"));
  CHECK(bench.requests.back() == "GET /api/v1/events");
}

TEST_CASE("an upstream's key is read from standard input, and never shown") {
  Bench bench;
  bench.typed = "sk-typed";
  const auto set = bench.run({"upstreams", "set-key", "openai"});
  CHECK(set.code == 0);
  CHECK(set.err.empty());
  CHECK(set.out ==
        "name           openai\nprovider       openai\nbase_url       https://openai.test\nsecret_source  store\n");
  CHECK(bench.prompts == std::vector<std::string>{"Key of openai: "});
  CHECK(bench.requests == std::vector<std::string>{"PUT /api/v1/upstreams/openai/secret"});
  CHECK(bench.run({"upstreams", "list"}).out ==
        "NAME    PROVIDER  BASE URL             KEY FROM\n"
        "openai  openai    https://openai.test  store\n"
        "azure   openai    https://azure.test   configuration\n");
  CHECK(bench.run({"upstreams", "remove-key", "openai"}).out == "removed\n");
  CHECK(bench.run({"upstreams", "list"}).out.contains("https://openai.test  none\n"));
  CHECK(bench.run({"upstreams", "remove-key", "openai"}).err == "metergate: the store holds no key of 'openai'\n");
}

TEST_CASE("a key that cannot be set is refused, and not shown") {
  Bench bench;
  bench.typed = "sk-typed X";
  CHECK(bench.run({"upstreams", "set-key", "openai"}).err.starts_with("metergate: 'secret' holds a space"));
  bench.typed = "";
  CHECK(bench.run({"upstreams", "set-key", "openai"}).err.starts_with("metergate: 'secret' is empty"));
  bench.typed = "sk-typed";
  CHECK(bench.run({"upstreams", "set-key", "azure"}).err.contains("the configuration sets the key of 'azure'"));
  const auto unknown = bench.run({"upstreams", "set-key", "opnai"});
  CHECK(unknown.code == 1);
  CHECK(unknown.err == "metergate: the configuration has no upstream 'opnai'; did you mean 'openai'?\n");
}

TEST_CASE("users are made, changed and removed, with passwords from standard input") {
  Bench bench;
  bench.typed = "a horse, a staple";
  const auto made = bench.run({"users", "create", "Alice", "--role", "admin"});
  CHECK(made.code == 0);
  CHECK(made.out.contains("username  alice\n"));
  CHECK_FALSE(made.out.contains("horse"));
  CHECK(bench.prompts == std::vector<std::string>{"Password of Alice: "});
  CHECK(bench.run({"accounts", "create", "Acme"}).code == 0);
  CHECK(bench.run({"users", "create", "bob", "--account", "Acme"}).out.contains("role      viewer\n"));
  CHECK(bench.run({"users", "edit", "bob", "--role", "operator", "--disable"}).out.contains("status    disabled\n"));
  CHECK(bench.run({"users", "edit", "bob", "--enable", "--password"}).out.contains("status    active\n"));
  CHECK(bench.prompts.back() == "New password of bob: ");
  CHECK(bench.run({"users", "edit", "bob", "--enable", "--disable"}).code == 2);
  CHECK(bench.run({"users", "edit", "bob"}).err.contains("nothing to change"));
  CHECK(bench.run({"users", "list"}).out.contains("bob    operator  "));
  CHECK(bench.run({"users", "remove", "alice"}).err.contains("the last admin who may log in"));
  CHECK(bench.run({"users", "remove", "bob"}).out == "removed\n");
  const auto log = bench.run({"audit"});
  CHECK(log.out.contains("command line"));
  CHECK(log.out.contains("DELETE /api/v1/users/{id}"));
  CHECK(log.out.contains("password=(not kept)"));
  CHECK_FALSE(log.out.contains("horse"));
}

TEST_CASE("a key that is given as an argument is refused and not repeated") {
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"upstreams", "set-key", "openai", "sk-argument"},
        {"upstreams", "set-key", "openai", "sk-argument", "sk-argument"},
        {"upstreams", "set-key", "openai", "--secret", "sk-argument"},
        {"upstreams", "set-key", "openai", "--secret=sk-argument", "--json"}}) {
    Bench bench;
    const auto outcome = bench.run(arguments);
    CHECK(outcome.code == 2);
    CHECK(outcome.err.contains("read from standard input"));
    CHECK_FALSE((outcome.out + outcome.err).contains("sk-argument"));
    CHECK(bench.requests.empty());
    CHECK(bench.prompts.empty());
  }
}

TEST_CASE("--json prints the API's reply and nothing else") {
  Bench bench;
  CHECK(bench.run({"accounts", "create", "Acme"}).code == 0);
  bench.typed = "sk-typed";
  for (const std::vector<const char*>& arguments : {std::vector<const char*>{"accounts", "list", "--json"},
                                                    {"keys", "create", "k", "--json"},
                                                    {"limits", "list", "--json"},
                                                    {"events", "list", "--json"},
                                                    {"upstreams", "list", "--json"},
                                                    {"upstreams", "set-key", "openai", "--json"},
                                                    {"usage", "--json"},
                                                    {"usage", "--records", "--json"}}) {
    const auto outcome = bench.run(arguments);
    CAPTURE(outcome.out);
    CHECK(outcome.code == 0);
    CHECK(base::Json::parse(outcome.out).has_value());
  }
}

TEST_CASE("a list says where it goes on") {
  Bench bench;
  for (const char* name : {"a", "b", "c"}) CHECK(bench.run({"accounts", "create", name}).code == 0);
  const auto page = bench.run({"accounts", "list", "--limit", "2"});
  CHECK(std::ranges::count(page.out, '\n') == 3);
  REQUIRE(page.err.starts_with("metergate: there is more: add --cursor "));
  const auto cursor = page.err.substr(39, 36);
  const auto rest = bench.run({"accounts", "list", "--limit", "2", "--cursor", cursor.c_str()});
  CHECK(std::ranges::count(rest.out, '\n') == 2);
  CHECK(rest.err.empty());
}

TEST_CASE("usage is summed or listed") {
  Bench bench;
  const auto sums = bench.run({"usage"});
  CHECK(sums.out.contains("REQUESTS  REFUSALS  INPUT TOKENS  OUTPUT TOKENS  UNKNOWN  COST (USD)\n"));
  CHECK(bench.run({"usage", "--group", "day", "--from", "2026-11-01", "--to", "2026-12-01"}).out.starts_with("DAY"));
  CHECK(bench.run({"usage", "--records", "--limit", "5"}).out.starts_with("STARTED"));
  CHECK(bench.run({"usage", "--records", "--group", "day"}).code == 2);
  CHECK(bench.run({"usage", "--limit", "5"}).code == 1);
  CHECK(bench.run({"usage", "--group", "team"}).err ==
        "metergate: the parameter 'group' must be total, account, key, model, day, upstream, route, reason or "
        "tag:NAME\n");
}

TEST_CASE("what is unresolved is listed, settled and released") {
  Bench bench;
  CHECK(bench.run({"unresolved", "list", "--limit", "5"}).out.starts_with("SINCE  ID  CAUSE"));
  const char* const id = "01a1fc9b-5317-72ad-b980-04c601534cba";
  bench.run({"unresolved", "settle", id, "--cost", "0.5"});
  CHECK(bench.requests.back() == std::string("POST /api/v1/unresolved/") + id + "/settle");
  const auto released = bench.run({"unresolved", "release", id, "--reason", "gone"});
  CHECK(bench.requests.back() == std::string("POST /api/v1/unresolved/") + id + "/release");
  CHECK(released.code == 1);
  CHECK(released.err.contains("is unresolved: it is unknown"));
  CHECK(bench.last_missing == MissingFolder::refuse);
  CHECK(bench.run({"unresolved", "settle", id}).code == 2);
  CHECK(bench.run({"unresolved", "release", id}).code == 2);
}

TEST_CASE("an explanation is a line, the call, and a bar for each limit") {
  Bench bench;
  bench.run({"keys", "create", "alice", "--limit", "0.004 usd/day", "--limit", "4 requests/day"});
  const auto said = bench.run({"explain", "alice", "--model", "gpt-4o", "--max-tokens", "1000"});
  CHECK(bench.requests.back() == "POST /api/v1/explain");
  CHECK(bench.explainer.asked.model == "gpt-4o");
  CHECK(bench.explainer.asked.max_tokens == 1000);
  CHECK(said.code == 0);
  CHECK(said.out.starts_with("admitted, with the output cap lowered to 500\n\nmodel       gpt-4o\n"));
  CHECK(said.out.contains("at most     0.002 usd, 1100 tokens (100 in, 1000 out), 1 request\n"));
  CHECK(said.out.contains("████████████▒▒▒▒▒▒++++++  clamps to 500  <- decides\n"));
  CHECK(said.out.contains("████████████▒▒▒▒▒▒······  does not apply\n"));
  CHECK(bench.run({"explain", "alice", "--body", "/does/not/exist"}).err == "metergate: cannot read /does/not/exist\n");
  CHECK(bench.run({"explain"}).code == 2);
  CHECK(bench.run({"explain", "alice", "--body", "f", "--input-tokens", "1"}).code == 2);
}

TEST_CASE("a quote says what is not known, too") {
  Bench bench;
  bench.run({"keys", "create", "alice"});
  const auto said = bench.run({"quote", "alice", "--model", "gpt-4o", "--max-tokens", "1000"});
  CHECK(bench.requests.back() == "POST /api/v1/quote");
  CHECK(said.code == 0);
  CHECK(said.out.contains("at most     0.002 usd"));
  CHECK(said.out.contains("expected    not known: there are 0 calls of 'gpt-4o' in the last 30 days"));
}

TEST_CASE("a quote is held for so long, and says how a call pays with it") {
  Bench bench;
  bench.run({"keys", "create", "alice"});
  for (const auto& [text, ms] : {std::pair("90s", 90'000), std::pair("10m", 600'000), std::pair("1h", 3'600'000)}) {
    const auto said = bench.run({"quote", "alice", "--model", "gpt-4o", "--hold", text});
    CHECK(said.code == 0);
    CHECK(bench.explainer.held_for_ms == ms);
    CHECK(said.out.contains("\nheld        00000000-0000-0000-0000-000000000000 until 2026-11-21T0"));
    CHECK(said.out.contains("sends: X-Metergate-Quote: 00000000-0000-0000-0000-000000000000\n"));
  }
  const auto asked = bench.requests.size();
  for (const char* const text : {"10", "m", "0s", "61m", "2h", "1d", "1.5m", "-1m", "10 m"}) {
    CAPTURE(text);
    const auto said = bench.run({"quote", "alice", "--model", "gpt-4o", "--hold", text});
    CHECK(said.code != 0);
    CHECK(said.err.contains("is not a time from 1s to 1h"));
  }
  CHECK(bench.requests.size() == asked);
}
TEST_CASE("what is not understood is exit code 2, help is 0, and neither calls anything") {
  Bench bench;
  struct Row {
    std::vector<const char*> arguments;
    int code;
  };
  for (const Row& row : {Row{{}, 2}, Row{{"acounts"}, 2}, Row{{"accounts"}, 2}, Row{{"accounts", "create"}, 2},
                         Row{{"accounts", "list", "--limit", "0"}, 2},
                         Row{{"accounts", "create", "a", "--nmae", "b"}, 2}, Row{{"limits", "create", "1 usd/day"}, 2},
                         Row{{"limits", "create", "1 usd/day", "--account", "a", "--key", "k"}, 2},
                         Row{{"limits", "create", "1 usd/day", "--account", "a", "--status", "403"}, 2},
                         Row{{"limits", "create", "1 usd/day", "--account", "a", "--clamp", "yes"}, 2},
                         Row{{"--help"}, 0}, Row{{"keys", "create", "--help"}, 0}, Row{{"version"}, 0}}) {
    CAPTURE(fmt::format("{}", fmt::join(row.arguments, " ")));
    CHECK(bench.run(row.arguments).code == row.code);
  }
  CHECK(bench.requests.empty());
  CHECK(bench.run({"version"}).out == "metergate 0.1.0\n");
}

TEST_CASE("a slip in a verb is answered with the verb that was meant") {
  Bench bench;
  CHECK(bench.run({"acounts", "list"}).err == "metergate: 'acounts' is not a command; did you mean 'accounts'?\n");
  CHECK(bench.run({"keys", "revok", "k"}).err == "metergate: 'revok' is not a command; did you mean 'revoke'?\n");
  CHECK(bench.run({"zebra"}).err == "metergate: 'zebra' is not a command\n");
}

TEST_CASE("only what creates may make a data folder") {
  Bench bench;
  bench.run({"accounts", "list", "--data", "/x"});
  CHECK(bench.last_connection.data_folder == "/x");
  CHECK(bench.last_missing == MissingFolder::refuse);
  bench.run({"accounts", "suspend", "a"});
  CHECK(bench.last_missing == MissingFolder::refuse);
  bench.run({"upstreams", "remove-key", "openai"});
  CHECK(bench.last_missing == MissingFolder::refuse);
  bench.run({"upstreams", "set-key", "openai"});
  CHECK(bench.last_missing == MissingFolder::make);
  bench.run({"accounts", "create", "a", "--server", "http://h:1", "--admin-key", "k"});
  CHECK(bench.last_connection.server == "http://h:1");
  CHECK(bench.last_connection.admin_key == "k");
  CHECK(bench.last_missing == MissingFolder::make);
}

TEST_CASE("a template is made, listed, changed and removed with --template") {
  Bench bench;
  const auto id_in = [](const std::string& json) { return json.substr(json.find(R"("id":")") + 6, 36); };
  bench.run({"accounts", "create", "acme"});
  bench.run({"accounts", "create", "alice", "--parent", "acme"});
  const auto made = bench.run({"limits", "create", "1 usd/month", "--template", "--account", "acme", "--json"});
  CHECK(made.code == 0);
  CHECK(bench.requests.back() == "POST /api/v1/limit-templates");
  const std::string id = id_in(made.out);
  const auto listed = bench.run({"limits", "list", "--templates"});
  CHECK(listed.out.contains("FOR EACH ACCOUNT"));
  CHECK(listed.out.contains("1 below "));
  const auto copies = bench.run({"limits", "list", "--template", id.c_str()});
  CHECK(copies.out.contains(id));
  CHECK(bench.run({"limits", "list", "--account", "alice"}).out.contains("TEMPLATE\n"));

  CHECK(bench.run({"limits", "edit", id.c_str(), "--template", "--amount", "2"}).out.contains("2 usd per month"));
  CHECK(bench.run({"limits", "edit", id.c_str(), "--amount", "3"}).err.contains("--template"));
  CHECK(bench.run({"limits", "show", id.c_str(), "--template"}).out.contains("limits"));
  CHECK(bench.run({"limits", "remove", id.c_str(), "--template"}).code == 0);
  CHECK(bench.requests.back() == "DELETE /api/v1/limit-templates/" + id);
  CHECK_FALSE(bench.run({"limits", "list"}).out.contains(id));

  CHECK(bench.run({"limits", "create", "1 usd/day", "--template", "--level", "2"}).code == 0);
  CHECK(bench.run({"limits", "list", "--templates"}).out.contains("on level 2"));
  CHECK(bench.run({"limits", "create", "1 usd/day"}).err.contains("--account, --key or --template is required"));
  CHECK(bench.run({"limits", "create", "1 usd/day", "--account", "acme", "--level", "2"}).code == 2);
  CHECK(bench.run({"limits", "create", "1 usd/day", "--template", "--key", "k"}).code == 2);
}
