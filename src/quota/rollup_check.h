#pragma once
// The part of the doctor that adds up the usage log's roll-ups once more.

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "quota/doctor.h"

namespace quota {

class RollUpCheck {
 public:
  void see(const KeptRollUp& kept);
  void see(const events::UsageRecord& record);  // one that is folded

  // What differs, by what it is of and its time.
  std::vector<Discrepancy> differences() &&;

 private:
  using Name = std::tuple<KeptRollUp::By, std::int64_t, std::string>;
  struct Sums {
    __int128 requests = 0, refusals = 0, input_tokens = 0, output_tokens = 0, unknown_usage = 0, cost = 0;
  };
  struct Pair {
    Sums kept, derived;
  };
  void count(KeptRollUp::By by, std::int64_t step_ms, std::string name, const events::UsageRecord& record);

  std::map<Name, Pair> pairs_;
};

}  // namespace quota
