#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
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
};

// All workers' counts in the Prometheus text format.
std::string prometheus_text(const std::vector<const Stats*>& workers);

}  // namespace gateway
