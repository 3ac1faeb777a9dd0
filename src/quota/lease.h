#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

#include "base/window.h"
#include "catalog/limit.h"
#include "quota/store.h"

namespace quota {

// This process's share of one counter. Workers take from `free` and give back to it without a lock; everything else
// belongs to the keeper (keeper.h). Amounts in the limit's unit.
//
// A lease is of one epoch of its node. When the node's next one begins, the keeper makes others, and this one only
// takes what comes back of its reservations (keeper.h, "retired").
//
// Always: what the store has leased to this process = free + reserved + settled but not flushed. `free` is below zero
// only where a limit came into force while exchanges were under way, and the store could not lease all that they hold:
// then nothing is handed out before that is made good.
class Lease {
 public:
  // `window` is one of the policy's.
  Lease(base::LimitId limit, const base::WindowPolicy& policy, const base::Window& window,
        std::int64_t epoch = first_epoch)
      : counter_{limit, window.label}, policy_(policy), span_(window), epoch_(epoch) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  std::int64_t epoch() const { return epoch_; }
  const CounterKey& counter() const { return counter_; }
  // Where stamps count on this counter: a reservation needs no other lease while it contains its stamp.
  const base::Window& span() const { return span_; }
  // Whether an exchange of that stamp may take from it as it is: a raise of the amount ends what it was granted for.
  bool usable(base::WallTime stamp) const { return span_.contains(stamp) && stands(stamp); }
  // The second half of that, for what extends a reservation: its windows are those of its stamp, also when they are
  // over.
  bool stands(base::WallTime now) const { return now.ms < raised_until_ms_.load(std::memory_order_relaxed); }
  bool rolling() const { return policy_.kind == base::WindowPolicy::Kind::rolling; }
  // The sub-window that what is spent under `stamp` is booked in; nullopt: the limit is not rolling.
  std::optional<base::WindowLabel> sub_window(base::WallTime stamp) const {
    return rolling() ? std::optional(base::sub_label(policy_, stamp)) : std::nullopt;
  }

  // Takes `amount` from what is free: all of it or nothing. Nothing while the lease is overdrawn.
  bool take(std::int64_t amount);
  // Takes what is free, up to `amount`.
  std::int64_t take_up_to(std::int64_t amount);
  void give(std::int64_t amount) { free_.fetch_add(amount, std::memory_order_release); }

  // An exchange that is under way takes on a limit that comes into force: it holds `amount` from here on, whether that
  // is there or not.
  void take_on(std::int64_t amount) {
    free_.fetch_sub(amount, std::memory_order_relaxed);
    note_reserved(amount);
  }
  // It never left after all.
  void take_off(std::int64_t amount) {
    note_settled(amount, 0, 0);
    give(amount);
  }

  // The bookkeeping of reservations: for the five numbers and the replies' headers, not for admission.
  void note_reserved(std::int64_t amount) { reserved_.fetch_add(amount, std::memory_order_relaxed); }
  void note_settled(std::int64_t reserved, std::int64_t spent, std::int64_t unresolved);
  // More was booked than was leased, or the amount was lowered: what comes back to the lease may be owed to the store.
  // Until the keeper has squared the two, only it hands out.
  void note_overdrawn() { overdrawn_.fetch_add(1, std::memory_order_relaxed); }
  bool overdrawn() const { return overdrawn_.load(std::memory_order_relaxed) > 0; }

  std::int64_t free() const { return free_.load(std::memory_order_relaxed); }
  // What exchanges hold that nobody has leased: see above.
  std::int64_t owed() const { return std::max<std::int64_t>(0, -free()); }
  std::int64_t reserved() const { return reserved_.load(std::memory_order_relaxed); }
  std::int64_t spent() const { return spent_.load(std::memory_order_relaxed); }
  std::int64_t unresolved() const { return unresolved_.load(std::memory_order_relaxed); }
  std::int64_t amount() const { return amount_.load(std::memory_order_relaxed); }

  // True once when the free part has run low since the last refill: the caller then asks the keeper for more.
  bool wants_refill();

 private:
  friend class Keeper;
  struct Use {
    std::int64_t spent = 0;
    std::int64_t unresolved = 0;
  };
  // Workers ask the keeper instead of going by it, until the store has said again what it allows.
  void doubt() { raised_until_ms_ = 0; }
  static constexpr std::int64_t not_raised = std::numeric_limits<std::int64_t>::max();

  const CounterKey counter_;
  const base::WindowPolicy policy_;
  const base::Window span_;
  const std::int64_t epoch_;
  std::atomic<std::int64_t> free_ = 0;
  std::atomic<std::int64_t> reserved_ = 0;
  std::atomic<std::int64_t> spent_ = 0;       // the store's when it was last read, and what is not flushed to it yet
  std::atomic<std::int64_t> unresolved_ = 0;  // likewise
  std::atomic<std::int64_t> amount_ = 0;      // the limit's
  std::atomic<std::int64_t> raised_until_ms_ = not_raised;  // when the raise ends that is in amount_
  std::atomic<std::int64_t> refill_below_ = 0;
  std::atomic<bool> refill_asked_ = false;
  std::atomic<std::int64_t> overdrawn_ = 0;  // how often, since the books were square

  // The keeper's alone.
  LeaseTotals totals_;                // consumed: of what was flushed
  std::int64_t maybe_quoted_ = 0;     // of consumed: what a quote may have taken that the store has forgotten
  std::int64_t others_ = 0;           // what other nodes had leased of the counter when the store was last asked
  CounterState known_;                // the store's spent and unresolved, as read and since flushed
  Use read_;                          // of a rolling limit: what counted when the store was asked, and since flushed
  bool touched_ = false;              // something was flushed since it was last looked at
  bool in_doubt_ = false;             // the store was asked for more of it, and has not answered
  bool opening_ = false;              // its limit is not in force yet: nothing can be granted of it
  bool return_pending_ = false;       // the store did not confirm the last return
  std::int64_t overdrawn_known_ = 0;  // how much of overdrawn_ the store has been told
  std::int64_t size_ = 0;             // what a refill asks for beyond need: doubles while demand lasts
  base::Instant last_grant_{};
  std::int64_t free_last_tick_ = -1;
};

// A limit that comes into force, and what is to be taken on of it (Keeper::begin_opening).
struct OpeningLimit {
  catalog::Limit limit;
  std::shared_ptr<Lease> lease;
};

}  // namespace quota
