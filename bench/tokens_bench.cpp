// How fast texts become tokens, for bench/tokens.py: encodes FILE over and over for a while, in one thread.
//
//   tokens_bench ENCODING FILE SECONDS
//
// Prints JSON: the best round's CPU seconds, how many tokens the text has, and a digest of their ids.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "tokens/tokenizer.h"

namespace {

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  const auto encoding = argc == 4 ? tokens::encoding_named(argv[1]) : std::nullopt;
  if (!encoding) {
    fmt::print(stderr, "tokens_bench ENCODING FILE SECONDS\n");
    return 2;
  }
  std::ifstream file(argv[2], std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  tokens::Tokenizer tokenizer(*encoding);
  std::vector<tokens::TokenId> ids;
  double best = 1e9;
  double total = 0;
  while (total < std::strtod(argv[3], nullptr)) {
    ids.clear();
    const double before = cpu_seconds();
    tokenizer.encode(text, ids);
    const double took = cpu_seconds() - before;
    best = std::min(best, took);
    total += took;
  }
  fmt::print("{{\"seconds\": {}, \"tokens\": {}, \"ids_sha256\": \"{}\"}}\n", best, ids.size(),
             base::to_hex(base::sha256(fmt::format("{}", fmt::join(ids, ",")))));
  return 0;
}
