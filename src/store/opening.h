#pragma once
// What a limit opens with (catalog::Store::open), for every store alike: what the exchanges of its window have taken
// that it would have applied to, minus what its counter has of them already. So nothing is forgiven by removing a limit
// and creating it again, and nothing counts twice where the same limit is put into force once more.
//
// What an exchange has taken is what its usage record says: the cost, the tokens, one request; of a named unit what it
// has taken of another limit on that, or else what such a call takes now. Where its cost is not
// known, another limit of the same unit has held the worst case, and the new one holds as much; of money the record has
// it itself. Tokens that no limit had counted are not in the record, and do not count. A lease that a crash left
// unaccounted counts where its limit has the same unit and payer, whatever the filters say: nobody knows what it was
// for. One of this very limit counts in the window that it was leased in, whenever it was found. A record that names
// the limit counts wherever its account was by then.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "catalog/limit.h"
#include "catalog/route.h"
#include "events/usage_record.h"
#include "quota/store.h"
#include "quota/unresolved.h"
#include "store/members.h"

namespace store {

// What a counter has spent already, by sub-window of a rolling limit; else all of it under the counter's label.
using KeptSpend = std::map<base::WindowLabel, std::int64_t>;

// What records that were dropped had taken (store/usage_remains.h): in each unit what an opening would count.
struct TakenAmounts {
  std::int64_t usd = 0;  // nano-dollars
  std::int64_t requests = 0;
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t tokens = 0;
  TakenAmounts& operator+=(const TakenAmounts& more);
  bool operator==(const TakenAmounts&) const = default;
};
struct TakenUsage {
  std::int64_t day = 0;  // since 1970, UTC
  base::AccountId account;
  base::KeyId key;
  std::string model;
  std::string route;
  TakenAmounts amounts;
};

// Adds up what is shown to it. A value: what was added up before can be kept and gone on with.
class Opening {
 public:
  // Whom the limit is on: an account with all below it at the time, or a key. And the units of all limits there ever
  // were.
  using Units = std::map<base::LimitId, catalog::Unit>;
  struct Scope {
    Members accounts = {};
    std::optional<base::KeyId> key = std::nullopt;
    base::AccountId payer = {};               // that account, or the key's
    base::WallTime since = {};                // when that account or key was made
    std::shared_ptr<const Units> units = {};  // never null in use
    catalog::RouteWeights weights = {};       // only of a limit on a named unit
  };
  Opening(const catalog::Limit& limit, Scope scope, base::WallTime now);

  const quota::CounterKey& counter() const { return counter_; }
  // Only records that started in the half-open span can count, beside items that hold of the limit itself.
  base::WallTime from() const { return from_; }
  base::WallTime to() const { return to_; }
  const Scope& scope() const { return scope_; }
  // Whether such a record can count, as far as these say.
  bool may_count(base::WallTime started) const { return started >= from_ && started < to_; }
  bool may_count(std::string_view model) const;
  bool may_count(base::AccountId account, base::WallTime started) const;

  // A record of an exchange whose cost is known, that does not name the limit and has no other thing to say: what most
  // are, and the limit must not ask for the route or a tag.
  void add_served(base::WallTime started, std::string_view model, base::Money cost, const meter::Usage& usage);
  // Any other record that is not an item.
  void add(const events::UsageRecord& record);
  // A record that holds or held something as unresolved, with what became of it.
  void add(const quota::UnresolvedItem& item);
  // What was dropped: of each day that the window has a part of, all.
  void add(const TakenUsage& taken);
  // Conflict: only the records would say what it opens with, and those before `kept_from` are gone.
  base::Status check_kept(base::WallTime kept_from) const;
  // What a record that is no item would add to a limit of each unit; nullopt: it counts on none.
  static std::optional<TakenAmounts> taken_by(const events::UsageRecord& record, std::shared_ptr<const Units> units);

  // What is missing on the counter, as a record of the outcome `opened`; nullopt: nothing. `id` is to be new.
  std::optional<events::UsageRecord> record(const KeptSpend& kept, base::ExchangeId id, base::WallTime now) const;
  // What items hold of the limit from here on: to be written beside their other holds.
  const std::map<base::ExchangeId, events::Hold>& carried() const { return carried_; }

 private:
  struct Counted {
    std::int64_t spent = 0;
    std::int64_t unresolved = 0;
  };
  bool applies(const events::UsageRecord& record) const;
  const events::Hold* own_hold(const events::UsageRecord& record) const;
  Counted counted(const events::UsageRecord& record) const;
  Counted of_same_unit(const events::UsageRecord& record) const;
  bool has_same_unit(const events::UsageRecord& record) const;
  Counted in_calls(const events::UsageRecord& record, std::int64_t each) const;
  std::int64_t weight(const events::UsageRecord& record) const;
  std::int64_t tokens(const std::optional<meter::Usage>& usage) const;
  std::int64_t corrected(const quota::UnresolvedItem& item) const;
  void add(base::WallTime started, std::int64_t spent);

  catalog::Limit limit_;
  Scope scope_;
  quota::CounterKey counter_;
  base::WallTime from_, to_;
  std::map<base::WindowLabel, std::int64_t> spent_;
  std::map<base::ExchangeId, events::Hold> carried_;
};

// The id of an opening record: a function of what it opens, and of the number of commits before it.
base::ExchangeId opening_id(const quota::CounterKey& counter, std::uint64_t commits, base::WallTime now);

}  // namespace store
