#pragma once
// What stays of usage records that are dropped for their age: what a limit that comes into force would count of them,
// by day, account, key, model and route; what they did to counters, for the doctor; and what their transfers moved.
//
// Always: added to what is kept, it says of every counter, account and day what the records said. An opening counts a
// day of it whole, so that a window which begins within such a day counts somewhat more than was spent in it, and never
// less.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "events/usage_record.h"
#include "quota/doctor.h"
#include "store/opening.h"

namespace store {

class UsageRemains {
 public:
  // `units`: of all limits there ever were; `is_grant`: whether a counter is a grant of a balance.
  UsageRemains(std::shared_ptr<const Opening::Units> units, std::function<bool(base::LimitId)> is_grant)
      : units_(std::move(units)), is_grant_(std::move(is_grant)) {}

  void take(const events::UsageRecord& record);

  using Group = std::tuple<std::int64_t, base::AccountId, base::KeyId, std::string, std::string>;  // by TakenUsage
  // By group; amounts that do not fit stay at the largest number.
  const std::map<Group, TakenAmounts>& taken() const { return taken_; }
  struct Held {
    std::int64_t spent = 0, unresolved = 0;
  };
  using HeldKey = std::tuple<base::LimitId, base::WindowLabel, std::optional<base::WindowLabel>>;
  const std::map<HeldKey, Held>& held() const { return held_; }
  using Way = std::pair<std::string, std::string>;  // from a book account to another
  const std::map<Way, base::Money>& posted() const { return posted_; }
  std::int64_t records() const { return records_; }
  std::int64_t transfers() const { return transfers_; }

 private:
  std::shared_ptr<const Opening::Units> units_;
  std::function<bool(base::LimitId)> is_grant_;
  std::map<Group, TakenAmounts> taken_;
  std::map<HeldKey, Held> held_;
  std::map<Way, base::Money> posted_;
  std::int64_t records_ = 0, transfers_ = 0;
};

}  // namespace store
