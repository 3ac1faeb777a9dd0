#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "cli/verbs.h"
#include "tests/support/temporary_folder.h"

namespace {

struct Outcome {
  int exit_code = 0;
  std::string out, err;
};

Outcome run(std::vector<std::string> arguments, const std::string& input = {}) {
  arguments.insert(arguments.begin(), {"metergate", "tokens"});
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  CLI::App app("test", "metergate");
  std::istringstream in(input);
  std::ostringstream out, err;
  int exit_code = 0;
  cli::add_tokens(app, in, out, err, exit_code);
  const int code = cli::run(app, static_cast<int>(argv.size()), argv.data(), out, err, exit_code);
  return {code, out.str(), err.str()};
}

}  // namespace

TEST_CASE("tokens prints a count, or ids in one line, of standard input") {
  CHECK(run({"--encoding", "o200k_base"}, "hello world").out == "2\n");
  CHECK(run({"--encoding", "o200k_base", "--ids"}, "hello world").out == "24912 2375\n");
  CHECK(run({"--encoding", "cl100k_base", "--ids"}, "hello world").out == "15339 1917\n");
  CHECK(run({"--encoding", "cl100k_base"}).out == "0\n");
  CHECK(run({"--encoding", "cl100k_base", "--ids"}).out == "\n");
}

TEST_CASE("tokens prints JSON with --json, with ids only where they are asked for") {
  CHECK(run({"--encoding", "o200k_base", "--json"}, "hello world").out ==
        "{\"encoding\":\"o200k_base\",\"count\":2}\n");
  CHECK(run({"--encoding", "o200k_base", "--json", "--ids"}, "hello world").out ==
        "{\"encoding\":\"o200k_base\",\"count\":2,\"ids\":[24912,2375]}\n");
}

TEST_CASE("tokens reads a file to its last byte") {
  tests::TemporaryFolder folder;
  const std::string file = folder.path() / "text";
  std::ofstream(file, std::ios::binary) << "hello world\n";
  CHECK(run({"--encoding", "o200k_base", "--ids", file}).out == "24912 2375 198\n");
}

TEST_CASE("tokens refuses what it cannot count, and says why") {
  const Outcome encoding = run({"--encoding", "p50k_base"}, "x");
  CHECK(encoding.exit_code == 1);
  CHECK(encoding.err == "metergate: '--encoding p50k_base' is not known: use o200k_base or cl100k_base\n");
  const Outcome file = run({"--encoding", "o200k_base", "/nowhere/at/all"});
  CHECK(file.exit_code == 1);
  CHECK(file.err.find("'/nowhere/at/all' cannot be read") != std::string::npos);
  const Outcome bytes = run({"--encoding", "o200k_base"}, "\xFF");
  CHECK(bytes.exit_code == 1);
  CHECK(bytes.err.find("standard input is not UTF-8") != std::string::npos);
  CHECK(bytes.out.empty());
  CHECK(run({}, "x").exit_code == 2);
}
