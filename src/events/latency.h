#pragma once
// How long calls took, counted in steps: what percentiles are read from, in memory that does not grow with the calls.

#include <bit>
#include <cstdint>
#include <vector>

namespace events {

// Counts of durations in microseconds. One of less than 32 µs is counted exactly; above, a step is a sixteenth of its
// power of two wide, so that a percentile is at most 6.25 % above the duration that it stands for, and never below it.
class LatencyHistogram {
 public:
  // Below zero counts as zero; more than 2^40 µs, twelve days, as that.
  void add(std::int64_t us) {
    const std::size_t step = step_of(us);
    if (counts_.size() <= step) counts_.resize(step + 1);
    ++counts_[step];
    ++count_;
  }
  void add(const LatencyHistogram& other) {
    if (counts_.size() < other.counts_.size()) counts_.resize(other.counts_.size());
    for (std::size_t step = 0; step < other.counts_.size(); ++step) counts_[step] += other.counts_[step];
    count_ += other.count_;
  }
  // So many more of a step, as counts() has it; false: there is no such step or number, and nothing was added.
  bool add_counted(std::size_t step, std::int64_t count) {
    constexpr std::int64_t count_max = std::int64_t{1} << 48;  // more calls than there ever are
    if (step > step_of(static_cast<std::int64_t>(most)) || count < 0 || count > count_max) return false;
    if (counts_.size() <= step) counts_.resize(step + 1);
    counts_[step] += count;
    count_ += count;
    return true;
  }
  std::int64_t count() const { return count_; }
  // By step, up to the last that has any.
  const std::vector<std::int64_t>& counts() const { return counts_; }
  // The duration that so many thousandths of the calls did not exceed, 1 to 1000; 0 where there are none.
  std::int64_t percentile_us(int thousandths) const {
    const std::int64_t rank = (count_ * thousandths + 999) / 1000;
    std::int64_t below = 0;
    for (std::size_t step = 0; step < counts_.size(); ++step) {
      below += counts_[step];
      if (below >= rank && below > 0) return last_of(step);
    }
    return 0;
  }

 private:
  static constexpr int fine_bits = 4;
  static constexpr std::uint64_t exact_below = 2U << fine_bits;
  static constexpr std::uint64_t most = std::uint64_t{1} << 40;

  static std::size_t step_of(std::int64_t us) {
    const std::uint64_t value = us < 0 ? 0 : std::min(static_cast<std::uint64_t>(us), most);
    if (value < exact_below) return value;
    const int shift = std::bit_width(value) - 1 - fine_bits;
    return (static_cast<std::size_t>(shift) << fine_bits) + (value >> shift);
  }
  // The longest duration of the step.
  static std::int64_t last_of(std::size_t step) {
    if (step < exact_below) return static_cast<std::int64_t>(step);
    const auto shift = (step >> fine_bits) - 1;
    const std::uint64_t first = (step - (shift << fine_bits)) << shift;
    return static_cast<std::int64_t>(first + (std::uint64_t{1} << shift) - 1);
  }

  std::vector<std::int64_t> counts_;
  std::int64_t count_ = 0;
};

}  // namespace events
