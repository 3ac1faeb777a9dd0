#include <doctest/doctest.h>

#include "cli/bench_test.h"

using namespace cli;

TEST_CASE("a key without an account gets one of its own name") {
  Bench bench;
  const auto first = bench.run({"keys", "create", "alice", "--limit", "10 usd/day", "--limit", "5 requests/day"});
  CHECK(first.code == 0);
  CHECK(first.err == "metergate: created the account 'alice'\n");
  CHECK(first.out.contains("name               alice\n"));
  CHECK(first.out.contains("secret             mg_live_"));
  CHECK(first.out.contains("limits             10 usd per day, 5 requests per day\n"));
  CHECK(first.out.contains("Keep the secret: it is shown only now."));
  const auto second = bench.run({"keys", "create", "alice", "--raw"});
  CHECK(second.code == 0);
  CHECK(second.err.empty());
  CHECK(second.out.starts_with("mg_live_"));
  CHECK(second.out.ends_with("\n"));
  CHECK(std::ranges::count(second.out, '\n') == 1);
}

TEST_CASE("a key that is refused leaves no account behind") {
  Bench bench;
  const auto outcome = bench.run({"keys", "create", "alice", "--limit", "ten usd/day"});
  CHECK(outcome.code == 1);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.starts_with("metergate: 'limits[0]': "));
  CHECK(bench.run({"accounts", "list"}).out.find("alice") == std::string::npos);
  const auto unknown = bench.run({"keys", "create", "alice", "--account", "nobody"});
  CHECK(unknown.code == 1);
  CHECK(unknown.err == "metergate: there is no account 'nobody'\n");
  CHECK(std::ranges::count(bench.requests, "POST /api/v1/accounts") == 0);
}

TEST_CASE("an admin key has no account") {
  Bench bench;
  const auto outcome = bench.run({"keys", "create", "root", "--admin", "--raw"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out.starts_with("mg_admin_"));
  CHECK(bench.requests == std::vector<std::string>{"POST /api/v1/keys"});
  CHECK(bench.run({"keys", "create", "root", "--admin", "--account", "a"}).code == 2);
  CHECK(bench.run({"keys", "create", "root", "--admin", "--limit", "1 usd/day"}).code == 2);
}

TEST_CASE("a key is told what it is for, and gets another secret") {
  Bench bench;
  const auto made = bench.run(
      {"keys", "create", "alice", "--allow-model", "gpt-4o*", "--allow-model", "o1", "--allow-from", "10.0.0.0/8"});
  CHECK(made.out.contains("gpt-4o*, o1"));
  const auto edited = bench.run({"keys", "edit", "alice", "--allow-model", "any", "--allow-from", "::1", "--expires",
                                 "2027-01-01T00:00:00Z", "--json"});
  CHECK(edited.out.contains(R"("allowed_models":[])"));
  CHECK(edited.out.contains(R"("allowed_addresses":["::1"])"));
  CHECK(edited.out.contains(R"("expires":"2027-01-01T00:00:00.000Z")"));
  CHECK(bench.run({"keys", "edit", "alice", "--expires", "never", "--json"}).out.contains(R"("expires":null)"));
  const auto rotated = bench.run({"keys", "rotate", "alice", "--overlap", "2h", "--json"});
  CHECK(rotated.out.contains(R"("until":"2026-)"));
  CHECK(bench.run({"keys", "rotate", "alice", "--overlap", "none", "--json"}).out.contains(R"("replaced":null)"));
  CHECK(bench.run({"keys", "rotate", "alice", "--raw"}).out.starts_with("mg_live_"));
  CHECK(bench.run({"keys", "rotate", "alice", "--overlap", "91d"}).code == 1);
  CHECK(bench.run({"keys", "rotate", "alice", "--overlap", "10"}).err.contains("--overlap 10 is neither"));
  CHECK(bench.run({"keys", "create", "root", "--admin", "--allow-model", "m"}).code == 2);
}
