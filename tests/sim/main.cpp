// The simulator's command line.
//
//   sim --from 1 --to 4000 [--state FILE]   lives of a range of seeds; FILE remembers how far it came
//   sim --seed 7 [--trace]                  one life; --trace tells it
//   sim --seed 7 --shrink                   the shortest life found that still fails, told
//   sim --store sqlite                      on files, not in memory
//   sim --exchanges 2000000                 as many lives from --from on as it takes
//
// Ends with 1 and the seed where an invariant does not hold.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <map>

#include "tests/sim/shrink.h"

namespace {

struct Options {
  std::uint64_t from = 1, to = 0, seed = 0;
  std::int64_t exchanges = 0;
  bool trace = false, shrink = false, quiet = false;
  std::string state;
  sim::StoreKind store = sim::StoreKind::memory;
};

int tell(std::uint64_t seed, const sim::Plan& plan, bool trace) {
  const sim::Outcome outcome = sim::live(plan, trace);
  if (outcome.violation) {
    fmt::print("seed {}: {}\n", seed, *outcome.violation);
    return 1;
  }
  outcome.figures.print();
  return 0;
}

int one(const Options& options) {
  sim::Plan plan = sim::plan_of(options.seed, options.store);
  if (options.shrink) {
    const std::size_t before = plan.steps.size();
    plan = sim::shrink(plan);
    fmt::print("seed {}: {} of {} steps are enough\n", options.seed, plan.steps.size(), before);
    return tell(options.seed, plan, true);
  }
  return tell(options.seed, plan, options.trace);
}

std::uint64_t resumed(const Options& options) {
  std::uint64_t next = options.from;
  if (!options.state.empty()) std::ifstream(options.state) >> next;
  return std::max(next, options.from);
}

int range(const Options& options) {
  const auto started = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  };
  sim::Figures sum;
  double told_at = 0;
  for (std::uint64_t seed = resumed(options);; ++seed) {
    if (options.exchanges > 0 ? sum.exchanges >= options.exchanges : seed > options.to) break;
    const sim::Outcome outcome = sim::live(sim::plan_of(seed, options.store), false);
    sum.add(outcome.figures);
    if (outcome.violation) {
      fmt::print("seed {} after {} exchanges: {}\n", seed, sum.exchanges, *outcome.violation);
      fmt::print("0 passed, 1 failed\n");
      return 1;
    }
    if (!options.state.empty()) std::ofstream(options.state, std::ios::trunc) << seed + 1 << '\n';
    if (!options.quiet && seconds() - told_at > 10) {
      told_at = seconds();
      fmt::print("  seed {}: {} exchanges, {:.0f} s\n", seed, sum.exchanges, told_at);
      std::fflush(stdout);
    }
  }
  if (!options.quiet) sum.print();
  fmt::print("  {} exchanges in {:.1f} s, and every invariant held\n1 passed, 0 failed\n", sum.exchanges, seconds());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Seeded lives of the money engine, with an auditor");
  app.add_option("--from", options.from, "the first seed");
  app.add_option("--to", options.to, "the last seed");
  app.add_option("--exchanges", options.exchanges, "stop after so many, instead of at --to");
  app.add_option("--state", options.state, "a file that remembers the next seed");
  const std::map<std::string, sim::StoreKind> stores{{"memory", sim::StoreKind::memory},
                                                     {"sqlite", sim::StoreKind::sqlite}};
  app.add_option("--store", options.store, "memory or sqlite")->transform(CLI::CheckedTransformer(stores));
  app.add_option("--seed", options.seed, "one life");
  app.add_flag("--trace", options.trace, "tell it");
  app.add_flag("--shrink", options.shrink, "make a failing life as short as possible, and tell it");
  app.add_flag("--quiet", options.quiet, "no figures");
  CLI11_PARSE(app, argc, argv);
  if (options.seed > 0) return one(options);
  if (options.to == 0 && options.exchanges == 0)
    options.exchanges = options.store == sim::StoreKind::memory ? 2'000'000 : 20'000;
  return range(options);
}
