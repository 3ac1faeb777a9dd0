#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "quota/decision.h"
#include "quota/keeper.h"

namespace quota {

// One worker's way to reserve; used on its thread only.
class Admission {
 public:
  // `scribe`: this worker's; nullptr where no journal is kept (a store that ends with the process).
  explicit Admission(Keeper& keeper, Scribe* scribe = nullptr) : keeper_(keeper), scribe_(scribe) {}

  // Takes `amounts` off every limit, and their charge off the balance, at once from free lease money, or nothing: then
  // nullopt, and `record` stays the caller's. `balance`: what pays for a prepaid account.
  std::optional<Reservation> try_reserve(std::span<const catalog::Limit* const> limits, const Amounts& amounts,
                                         base::WallTime stamp, std::unique_ptr<events::UsageRecord>& record,
                                         const catalog::Balance* balance = nullptr);

  // The slow way: the keeper asks the store. A reservation begins with a copy of `record`. `decided` is called once, on
  // the store thread; on the worker's, adopt() then makes it as good as one of try_reserve. Fails if it cannot be
  // written into the journal: it must not be used then. `quote`: that pays for it; there is no other way to redeem one.
  void reserve(std::span<const catalog::Limit* const> limits, const Amounts& amounts, base::WallTime stamp,
               base::Instant deadline, const events::UsageRecord& record, std::function<void(Decision)> decided,
               const catalog::Balance* balance = nullptr, std::optional<base::QuoteId> quote = std::nullopt);
  base::Status adopt(Reservation& reservation);
  // Whether the call may leave: not before its reservation survives what `journal.durability` says. If not, `ready` is
  // called on this thread when it may, or with why it must not.
  bool durable(const Reservation& reservation) const;
  void when_durable(const Reservation& reservation, std::function<void(base::Status)> ready);
  // More for a reservation that is open: on every limit that it holds and of `balance`, in the windows of its stamp, at
  // once from free lease money, or nothing. `limits`: where those that it holds are found, as they are now. A limit
  // that gave nothing when it was made gives nothing now; one that stops new calls stops this, too.
  std::optional<Reservation::Extension> try_extend(const Reservation& reservation,
                                                   std::span<const catalog::Limit* const> limits, const Amounts& more,
                                                   base::WallTime now, const catalog::Balance* balance = nullptr);
  // The slow way: the keeper asks the store, and waits until `deadline` for what others hold. `decided` is called once,
  // on the store thread, with an extension or a refusal.
  void extend(const Reservation& reservation, std::span<const catalog::Limit* const> limits, const Amounts& more,
              base::WallTime now, base::Instant deadline, std::function<void(Decision)> decided,
              const catalog::Balance* balance = nullptr);
  // What keeps everything from being admitted; empty: nothing.
  std::string trouble() const;

  // How much of a limit is left (amount - spent - unresolved) as far as this process knows; nullopt if it holds no
  // lease of the limit's current window.
  std::optional<std::int64_t> remaining(const catalog::Limit& limit, base::WallTime stamp) const;
  // The same of a balance; nullopt if a lease of a usable grant is not known.
  std::optional<std::int64_t> remaining(const catalog::Balance& balance, base::WallTime stamp) const;
  // The highest of a limit's thresholds that warn and are crossed, as far as this process knows.
  std::optional<catalog::Threshold> warning(const catalog::Limit& limit, base::WallTime stamp) const;

 private:
  // Takes a charge from the grants in burn order; what it took is in `parts`, enough or not.
  bool take_from(const catalog::Balance& balance, base::Money charge, base::WallTime stamp, Reservation::Parts& parts);

  Keeper& keeper_;
  Scribe* const scribe_;
  std::string journal_error_;
  std::unordered_map<base::LimitId, std::shared_ptr<Lease>> leases_;
};

}  // namespace quota
