#include "tests/sim/faulty_link.h"

namespace sim {
namespace {

constexpr std::size_t remembered_flushes = 4;

}  // namespace

void FaultyLink::maybe_crash() {
  if (!chance(weather.crash)) return;
  ++figures_.crashes_in_store;
  dies();
  throw Crash();
}

template <class Call>
auto FaultyLink::call(bool repeatable, Call work, const std::function<void(bool)>& meanwhile_now) -> decltype(work()) {
  const auto failed = [&] {
    ++failures;
    return base::fail(base::ErrorType::unavailable, "the store does not answer", {}, base::Source::store);
  };
  const bool slow = chance(weather.slow);
  if (slow) ++figures_.slow_calls;
  lost_ = false;
  if (meanwhile_now) meanwhile_now(slow);
  maybe_crash();
  if (chance(weather.refuse)) {
    ++figures_.refused_calls;
    return failed();
  }
  auto answer = work();
  if (repeatable && chance(weather.repeat)) {
    ++figures_.repeated_calls;
    answer = work();
  }
  const bool lose = chance(weather.lose);
  maybe_crash();
  if (meanwhile_now) meanwhile_now(slow);
  if (lose) {
    ++figures_.lost_replies;
    lost_ = true;
    return failed();
  }
  return answer;
}

base::Result<quota::LeftBehind> FaultyLink::left_behind() { return truth_.left_behind(); }

base::Result<quota::Recovery> FaultyLink::recover(base::WallTime now, const quota::Evidence& evidence) {
  made_.clear();
  // Evidence is of one incarnation: whoever repeats it has looked at the journals again.
  const bool repeatable = !evidence.incarnation;
  return call(repeatable, [&] { return truth_.recover(now, evidence); }, {});
}

base::Result<std::vector<quota::Grant>> FaultyLink::grant(std::span<const quota::GrantRequest> requests) {
  std::vector<quota::Grant> granted;
  for (const quota::GrantRequest& request : requests) touched(request.of.counter);
  auto answer = call(
      false,
      [&] {
        auto grants = truth_.grant(requests);
        granted = *grants;
        return grants;
      },
      meanwhile);
  if (!lost_) return answer;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (granted[i].granted == 0) continue;
    ++figures_.lost_grants;
    grant_lost(requests[i].of.counter, granted[i].granted);
  }
  return answer;
}

base::Status FaultyLink::flush(const quota::Flush& flush) {
  MadeFlush& now = made_.emplace_back(MadeFlush{{}, {flush.returns.begin(), flush.returns.end()}});
  for (const events::UsageRecord* const record : flush.records) now.records.push_back(*record);
  if (made_.size() > remembered_flushes) made_.erase(made_.begin());
  const std::size_t made = made_.size() - 1;
  const base::Status status = call(true, [&] { return truth_.flush(flush); }, meanwhile);
  // One that never happened does not arrive later.
  if (!status && !lost_) made_.erase(made_.begin() + static_cast<std::ptrdiff_t>(made));
  return status;
}

base::Result<std::vector<quota::CounterState>> FaultyLink::read(std::span<const quota::CounterQuery> counters) {
  for (const quota::CounterQuery& query : counters) touched(query.counter);
  return call(true, [&] { return truth_.read(counters); }, meanwhile);
}

base::Status FaultyLink::change(const std::function<base::Status()>& work) { return call(false, work, meanwhile); }

void FaultyLink::echo(Dice& dice) {
  if (made_.empty()) return;
  const MadeFlush& again = dice.any_of(made_);
  ++figures_.repeated_calls;
  if (const auto status = truth_.flush({.records = events::pointers_to(again.records), .returns = again.returns});
      !status)
    throw Violation("a flush that was made before is refused: " + status.error().message);
}

}  // namespace sim
