#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gateway {

// What one worker counts. Written by its thread, read by the control plane.
class Stats {
 public:
  class Counter {
   public:
    void add(std::int64_t amount = 1) {  // one writer: no locked instruction
      value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
    }
    std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<std::int64_t> value_ = 0;
  };

  // Where a histogram's bucket ends, and how that is written in seconds.
  struct Bound {
    std::int64_t ns;
    std::string_view seconds;
  };
  // How long something took, counted in buckets.
  template <const auto& bounds>
  class Histogram {
   public:
    // Less than nothing, as a clock that is read between two turns may have it, counts as nothing.
    void add(std::int64_t ns) {
      std::size_t bucket = 0;
      while (bucket < bounds.size() && ns > bounds[bucket].ns) ++bucket;
      counts_[bucket].add();
      sum_ns_.add(ns < 0 ? 0 : ns);
    }
    // The one behind the last bound is of what took longer.
    std::int64_t count(std::size_t bucket) const { return counts_[bucket].value(); }
    std::int64_t sum_ns() const { return sum_ns_.value(); }

   private:
    std::array<Counter, bounds.size() + 1> counts_;
    Counter sum_ns_;
  };
  static constexpr auto own_bounds = std::to_array<Bound>({{50'000, "0.00005"},
                                                           {100'000, "0.0001"},
                                                           {250'000, "0.00025"},
                                                           {500'000, "0.0005"},
                                                           {1'000'000, "0.001"},
                                                           {2'500'000, "0.0025"},
                                                           {5'000'000, "0.005"},
                                                           {10'000'000, "0.01"},
                                                           {25'000'000, "0.025"},
                                                           {50'000'000, "0.05"},
                                                           {100'000'000, "0.1"},
                                                           {250'000'000, "0.25"},
                                                           {500'000'000, "0.5"},
                                                           {1'000'000'000, "1"}});
  static constexpr auto upstream_bounds = std::to_array<Bound>({{1'000'000, "0.001"},
                                                                {5'000'000, "0.005"},
                                                                {10'000'000, "0.01"},
                                                                {25'000'000, "0.025"},
                                                                {50'000'000, "0.05"},
                                                                {100'000'000, "0.1"},
                                                                {250'000'000, "0.25"},
                                                                {500'000'000, "0.5"},
                                                                {1'000'000'000, "1"},
                                                                {2'500'000'000, "2.5"},
                                                                {5'000'000'000, "5"},
                                                                {10'000'000'000, "10"},
                                                                {30'000'000'000, "30"},
                                                                {60'000'000'000, "60"},
                                                                {120'000'000'000, "120"}});

  static constexpr std::size_t error_types = static_cast<std::size_t>(base::last_error_type) + 1;
  static constexpr std::size_t sources = static_cast<std::size_t>(base::Source::store) + 1;

  std::array<Counter, 6> replies;             // by the hundreds of their status
  std::array<Counter, error_types> failures;  // exchanges that we answered with an error, by type
  std::array<Counter, sources> faults;        // errors by who caused them, upstream refusals included
  Counter clamped;
  Counter extended;       // streams that went beyond their output cap and were paid for, at least some of the way
  Counter cut;            // streams that were ended there, because nothing could pay for more
  Counter overruns;       // exchanges that cost more than they had reserved
  Counter unknown_usage;  // exchanges whose cost stayed unresolved
  Counter deferred;       // exchanges whose work went on after the reply
  Counter unknown_usage_fields;  // members of usage objects that may cost money and that nothing here knows
  Counter cost_nanos;
  Counter replayed;   // calls that got a kept reply in place of a call of their own
  Counter fallbacks;  // attempts after which a call went on to another upstream
  Counter client_hangups;
  Counter connections;
  // From a request that has come whole to its first bytes upstream, without waiting for a connection there.
  Histogram<own_bounds> own;
  // From there to the head of the reply; of a body that is passed on as it comes, from its end.
  Histogram<upstream_bounds> upstream;
};

// All workers' counts in the Prometheus text format.
std::string prometheus_text(const std::vector<const Stats*>& workers);

}  // namespace gateway
