#pragma once
// The books, examined: every number that is kept is derived once more from what it stands for, by nothing that the code
// that keeps it uses, and the two are compared.
//
//   spent, unresolved of a counter   the sum of the holds of all usage records on it
//   leased of a counter              the sum of what is left of its open leases
//   unresolved of a counter, again   the sum of the items that are open
//   quoted of a counter              the sum of what held quotes hold of it
//   spent of a sub-window            the sum of the holds that name it
//   the sums of the usage log        the sum of the records that were folded into them, from when on all are kept
//   its roll-ups                     the same, by one thing at a time, of each hour or day
//   what stands in a grant           what its postings leave in it, with what its counter says of its use
//   disputed, expired of a grant     the postings that say so
//   the books in double entry        the sum of all transfers: zero
//
// Of records that were dropped for their age there are sums of what they held and moved, written as they went.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/snapshot.h"
#include "events/usage_log.h"
#include "events/usage_record.h"
#include "ledger/transfer.h"
#include "quota/store.h"
#include "quota/unresolved.h"

namespace quota {

// What is kept, as it lies in the store.
struct KeptCounter {
  CounterKey counter;
  std::int64_t spent = 0;
  std::int64_t leased = 0;
  std::int64_t unresolved = 0;
  std::int64_t quoted = 0;
};
struct KeptLease {
  std::int64_t incarnation = 0;
  CounterKey counter;
  std::int64_t granted = 0;
  std::int64_t returned = 0;
  std::int64_t consumed = 0;
  bool open = false;
  std::int64_t remainder() const { return granted - returned - consumed; }
};
struct KeptSubWindow {
  base::LimitId limit;
  base::WindowLabel label;
  std::int64_t spent = 0;
};
// Of a grant of a balance: what is kept beside its postings. Its use is in the counter that it is.
struct KeptGrant {
  base::GrantId id;
  base::Money credited;
  base::Money disputed;
  base::Money expired;
};
// Of the records that are folded and of a time from which all are kept: what they cost an account.
struct KeptSum {
  base::AccountId account;
  base::Money cost;
};
// Of the records that are folded: what those of one hour or day add up to that have one thing in common.
struct KeptRollUp {
  enum class By : std::uint8_t { total, model, upstream, route, reason, account, key };
  By by = By::total;
  base::WallTime at;  // the beginning of the hour, or of an account and a key of the day; UTC
  std::string name;   // an id as text; empty for the nil one
  events::UsageSum sum;
};

// What usage records did to a counter that were dropped for their age.
struct DroppedHold {
  CounterKey counter;
  std::optional<base::WindowLabel> sub_window;
  std::int64_t spent = 0;
  std::int64_t unresolved = 0;
};

// Sees all that is kept, in any order but two: grants before records, and first of all from when on records are kept.
class BooksReader {
 public:
  virtual ~BooksReader() = default;
  // Where some were dropped: all that started there or later are there.
  virtual void kept_from(base::WallTime) = 0;
  virtual void see(const DroppedHold& dropped) = 0;
  // What all transfers together moved that dropped records stood for.
  virtual void see_dropped(const ledger::Posting& posting) = 0;
  virtual void see(const KeptCounter& counter) = 0;
  virtual void see(const KeptLease& lease) = 0;
  virtual void see(const KeptSubWindow& sub_window) = 0;
  virtual void see(const KeptSum& sum) = 0;
  virtual void see(const KeptRollUp& rolled_up) = 0;
  virtual void see(const QuotePart& held) = 0;  // by a quote that is held
  virtual void see(const KeptGrant& grant) = 0;
  // `kind`: of the transfer that it is a part of.
  virtual void see(const ledger::Posting& posting, ledger::TransferKind kind) = 0;
  virtual void see(const UnresolvedItem& item) = 0;
  // `folded`: it is in a KeptSum, and in the roll-ups of a store that keeps them.
  virtual void see(const events::UsageRecord& record, bool folded) = 0;
  // What the database itself says is wrong with its file.
  virtual void damaged(std::string what) = 0;
  // Something that cannot be read, so that nothing can be said of the sums that it belongs to.
  virtual void unreadable(std::string what) = 0;
};

// Port: shows all that is kept, as of one moment. Slow: it reads everything. Fails if it cannot be read at all.
class Books {
 public:
  virtual ~Books() = default;
  struct Kept {
    std::int64_t incarnation = 0;  // the last one
    std::int64_t transfers = 0;    // that were posted or dropped: all others are in the records
    std::int64_t dropped_records = 0;
    bool rolls_up = false;  // it keeps roll-ups
  };
  virtual base::Result<Kept> show(BooksReader& reader) = 0;
};

// Two numbers that should be the same.
struct Discrepancy {
  // "spent", "leased", "unresolved", "quoted", "open items", "sub-window", "sum of usage", "transfers", "lease",
  // "incarnation of a lease", "usage by model 'm' at 2026-11-23T12:00:00Z, cost"; of a grant "balance", "disputed",
  // "expired" too, in nano-dollars; of a damaged file what is wrong with it, and both numbers are zero.
  std::string what;
  std::optional<CounterKey> counter = std::nullopt;  // of a sub-window with its label; of a grant that which it is
  std::optional<base::AccountId> account = std::nullopt;
  std::int64_t kept = 0;
  std::int64_t derived = 0;
  bool operator==(const Discrepancy&) const = default;
};

struct Examination {
  std::uint64_t records = 0;  // those that were dropped, too
  std::uint64_t transfers = 0;
  base::Money booked;  // what all providers billed
  std::vector<KeptCounter> counters;
  std::vector<KeptLease> open_leases;
  std::set<base::LimitId> grants;  // which counters are grants of a balance
  std::uint64_t open_items = 0;
  std::vector<Discrepancy> wrong;
  std::vector<std::string> unreadable;  // if there is any, sums were not compared
};

// `now`: which sub-windows of a rolling limit of `snapshot` still count; the others may be forgotten.
base::Result<Examination> examine(Books& books, const catalog::Snapshot& snapshot, base::WallTime now);

}  // namespace quota
