#include <doctest/doctest.h>

#include "cli/bench_test.h"

using namespace cli;

TEST_CASE("a shell is told what may come next") {
  Bench bench;
  const auto completed = [&](std::vector<const char*> words) {
    words.insert(words.begin(), "__complete");
    return bench.run(std::move(words)).out;
  };
  CHECK(completed({"acc"}) == "accounts\tWho spends\n");
  CHECK(completed({""}).contains("keys\t"));
  CHECK(completed({"keys", "r"}) ==
        "rotate\tGive a key another secret; its limits and what is spent stay\nrevoke\tRefuse a key for ever\n");
  CHECK(completed({"keys", "create", "alice", "--exp"}) == "--expires\tWhen it ends, such as 2027-01-01T00:00:00Z\n");
  CHECK(completed({"keys", "create", "--ex"}).starts_with("--expires\t"));
  CHECK(completed({"completion", ""}).empty());  // values are told of options only
  // The value of an option is no verb, and no option either.
  CHECK(completed({"keys", "create", "--name-of-nothing", "--account", "li"}).empty());
  CHECK(completed({"keys", "create", "--account", "--ex"}).empty());
  CHECK(completed({"--json", "keys", "li"}).starts_with("list\t"));
  CHECK(completed({"nothing", "r"}).empty());
  CHECK(bench.requests.empty());
  CHECK(bench.run({"completion", "bash"}).out.contains("complete -o default -F _metergate metergate"));
  CHECK(bench.run({"completion", "tcsh"}).code == 2);
}
