#include "quota/doctor.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "catalog/grant.h"
#include "quota/counting.h"
#include "quota/rollup_check.h"

namespace quota {
namespace {

// Sums of damaged numbers may be larger than a number.
using Sum = __int128;

std::int64_t clipped(Sum sum) {
  constexpr Sum least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(sum, least, most));
}

class Examiner final : public BooksReader {
 public:
  void kept_from(base::WallTime from) override { kept_from_ = from; }
  void see(const DroppedHold& dropped) override {
    Derived& derived = derived_[dropped.counter];
    derived.spent += dropped.spent;
    derived.unresolved += dropped.unresolved;
    if (dropped.sub_window && dropped.spent != 0)
      derived_subs_[{dropped.counter.limit, *dropped.sub_window}] += dropped.spent;
  }
  void see_dropped(const ledger::Posting& posting) override { move(posting); }

  void see(const KeptCounter& counter) override { kept_[counter.counter] = counter; }
  void see(const KeptSubWindow& sub_window) override {
    kept_subs_[{sub_window.limit, sub_window.label}] += sub_window.spent;
  }
  void see(const KeptSum& sum) override { kept_costs_[sum.account] += sum.cost.nanos(); }

  void see(const KeptRollUp& rolled_up) override {
    if (rolled_up.at >= kept_from_) rollups_.see(rolled_up);
  }

  void see(const QuotePart& held) override { derived_[held.counter].quoted += held.amount; }

  void see(const KeptGrant& grant) override {
    found_.grants.insert(catalog::counter_of(grant.id));
    kept_grants_[catalog::counter_of(grant.id)] = grant;
  }

  void see(const ledger::Posting& posting, ledger::TransferKind kind) override {
    move(posting);
    if (posting.target == ledger::book::expired) expired_[posting.source] += posting.amount.nanos();
    if (posting.source == ledger::book::expired) expired_[posting.target] -= posting.amount.nanos();
    if (kind == ledger::TransferKind::dispute && posting.target == ledger::book::deposits)
      disputed_[posting.source] += posting.amount.nanos();
  }

  void see(const KeptLease& lease) override {
    leases_.push_back(lease);
    if (lease.open) derived_[lease.counter].leased += lease.remainder();
  }

  void see(const UnresolvedItem& item) override {
    if (item.correction) return;
    ++found_.open_items;
    for (const events::Hold& hold : item.record.holds) derived_[{hold.limit, hold.label}].items += hold.unresolved;
  }

  void see(const events::UsageRecord& record, bool is_folded) override {
    ++found_.records;
    const bool folded = is_folded && record.started >= kept_from_;
    bool prepaid = false;
    for (const events::Hold& hold : record.holds) {
      prepaid = prepaid || kept_grants_.contains(hold.limit);
      Derived& derived = derived_[{hold.limit, hold.label}];
      derived.spent += hold.spent;
      derived.unresolved += hold.unresolved;
      if (hold.sub_window && hold.spent != 0) derived_subs_[{hold.limit, *hold.sub_window}] += hold.spent;
    }
    if (folded) rollups_.see(record);
    if (folded && !record.cost.is_zero()) derived_costs_[record.account] += record.cost.nanos();
    // A damaged record may hold what no record could be made with.
    if (record.cost.is_negative() || (!record.cost.is_zero() && record.account.is_nil())) {
      found_.wrong.push_back(
          {.what = "transfers", .account = record.account, .kept = record.cost.nanos(), .derived = 0});
      return;
    }
    if (prepaid) return;  // its transfer was posted
    const auto transfer = ledger::transfer_of(record);
    if (!transfer) return;
    ++found_.transfers;
    for (const ledger::Posting& posting : transfer->postings) move(posting);
  }

  void damaged(std::string what) override { found_.wrong.push_back({.what = std::move(what)}); }
  void unreadable(std::string what) override { found_.unreadable.push_back(std::move(what)); }

  Examination examined(const Books::Kept& kept, const catalog::Snapshot& snapshot, base::WallTime now) && {
    check_leases(kept.incarnation);
    found_.transfers += static_cast<std::uint64_t>(kept.transfers);
    found_.records += static_cast<std::uint64_t>(kept.dropped_records);
    if (found_.unreadable.empty()) {
      check_counters();
      check_sub_windows(snapshot, now);
      check_costs();
      if (kept.rolls_up) std::ranges::move(std::move(rollups_).differences(), std::back_inserter(found_.wrong));
      check_transfers();
      check_grants();
    }
    for (const auto& [key, counter] : kept_) found_.counters.push_back(counter);
    return std::move(found_);
  }

 private:
  struct Derived {
    Sum spent = 0, leased = 0, unresolved = 0, quoted = 0, items = 0;
  };

  void move(const ledger::Posting& posting) {
    balances_[posting.source] -= posting.amount.nanos();
    balances_[posting.target] += posting.amount.nanos();
  }

  void compare(std::string what, std::optional<CounterKey> counter, Sum kept, Sum derived) {
    if (kept == derived) return;
    found_.wrong.push_back(
        {.what = std::move(what), .counter = counter, .kept = clipped(kept), .derived = clipped(derived)});
  }

  // A lease never holds less than nothing, and only the last incarnation has open ones.
  void check_leases(std::int64_t incarnation) {
    for (const KeptLease& lease : leases_) {
      if (lease.remainder() < 0)
        found_.wrong.push_back({.what = "lease", .counter = lease.counter, .kept = lease.remainder(), .derived = 0});
      if (!lease.open) continue;
      if (lease.incarnation != incarnation)
        found_.wrong.push_back({.what = "incarnation of a lease",
                                .counter = lease.counter,
                                .kept = lease.incarnation,
                                .derived = incarnation});
      if (lease.remainder() != 0) found_.open_leases.push_back(lease);
    }
  }

  void check_counters() {
    for (const auto& [key, derived] : derived_) kept_.try_emplace(key, KeptCounter{.counter = key});
    for (const auto& [key, counter] : kept_) {
      const Derived& derived = derived_[key];
      compare("spent", key, counter.spent, derived.spent);
      compare("leased", key, counter.leased, derived.leased);
      compare("unresolved", key, counter.unresolved, derived.unresolved);
      compare("quoted", key, counter.quoted, derived.quoted);
      compare("open items", key, counter.unresolved, derived.items);
    }
  }

  void check_sub_windows(const catalog::Snapshot& snapshot, base::WallTime now) {
    for (const auto& [key, spent] : derived_subs_) kept_subs_.try_emplace(key, 0);
    for (const auto& [key, kept] : kept_subs_) {
      const catalog::Limit* const limit = snapshot.find_limit(key.limit);
      if (limit == nullptr || limit->window.kind != base::WindowPolicy::Kind::rolling) continue;
      if (key.label < base::first_live_sub_label(limit->window, now, 0)) continue;
      compare("sub-window", key, kept, derived_subs_[key]);
    }
  }

  void check_costs() {
    for (const auto& [account, cost] : derived_costs_) kept_costs_.try_emplace(account, 0);
    for (const auto& [account, kept] : kept_costs_)
      if (const Sum derived = derived_costs_[account]; kept != derived)
        found_.wrong.push_back(
            {.what = "sum of usage", .account = account, .kept = clipped(kept), .derived = clipped(derived)});
  }

  void check_transfers() {
    Sum all = 0, billed = 0;
    for (const auto& [name, balance] : balances_) {
      all += balance;
      if (name.starts_with(providers)) billed += balance;
    }
    found_.booked = base::Money::from_nanos(clipped(billed));
    compare("transfers", std::nullopt, all, 0);
  }

  void check_grants() {
    for (const auto& [id, grant] : kept_grants_) {
      const CounterKey key{id, {}};
      const std::string name = ledger::book::grant(grant.id);
      const auto used = kept_.find(key);
      const KeptCounter use = used == kept_.end() ? KeptCounter{} : used->second;
      compare("balance", key, Sum{grant.credited.nanos()} - use.spent - use.unresolved, balances_[name]);
      compare("disputed", key, grant.disputed.nanos(), disputed_[name]);
      compare("expired", key, grant.expired.nanos(), expired_[name]);
      balances_.erase(name);
    }
    // Postings of a grant that is not there.
    for (const auto& [name, balance] : balances_)
      if (name.starts_with(grants))
        found_.wrong.push_back({.what = "balance of " + name, .kept = 0, .derived = clipped(balance)});
  }

  static constexpr std::string_view providers = "provider:", grants = "grant:";

  std::map<CounterKey, KeptCounter> kept_;
  std::map<CounterKey, Derived> derived_;
  std::map<CounterKey, Sum> kept_subs_, derived_subs_;  // a key's label is the sub-window's
  std::map<base::AccountId, Sum> kept_costs_, derived_costs_;
  std::map<base::LimitId, KeptGrant> kept_grants_;            // by the counter that each is
  std::map<std::string, Sum> balances_, disputed_, expired_;  // by book account
  std::vector<KeptLease> leases_;
  base::WallTime kept_from_{std::numeric_limits<std::int64_t>::min()};
  RollUpCheck rollups_;
  Examination found_;
};

}  // namespace

base::Result<Examination> examine(Books& books, const catalog::Snapshot& snapshot, base::WallTime now) {
  Examiner examiner;
  TRY(const Books::Kept kept, books.show(examiner));
  return std::move(examiner).examined(kept, snapshot, now);
}

}  // namespace quota
