#pragma once

#include <functional>
#include <map>
#include <utility>
#include <variant>
#include <vector>

#include "idempotency/store.h"

namespace idempotency {

class Desk;

// The receipt for a key that is claimed. Move-only, one owner, ends exactly once:
//
//   keep, not_kept   the call has ended
//   free             nothing was sent, or the upstream surely did nothing: the next call may be sent
//   destroyed        before mark_sent: freed. After it: unknown, because the provider may have done the work
class [[nodiscard]] Claim {
 public:
  Claim(Desk& desk, const Name& name, base::ExchangeId exchange) : desk_(&desk), name_(name), exchange_(exchange) {}
  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&& other) noexcept;  // what it held before ends as if destroyed
  ~Claim() { drop(); }

  void mark_sent() { sent_ = true; }
  void keep(KeptReply reply) &&;
  void not_kept() &&;
  void free() &&;

 private:
  void drop();

  Desk* desk_;  // nullptr: it has ended
  Name name_;
  base::ExchangeId exchange_;
  bool sent_ = false;
};

// Claims keys for the workers. Its work is done on the store thread, in the order in which it was asked for: who
// repeats a call after its reply finds the reply.
class Desk {
 public:
  // `run` has work done on the store thread, later and in order, and may be called from any thread.
  using Run = std::function<void(std::function<void()>)>;
  Desk(Store& store, Run run) : store_(store), run_(std::move(run)) {}
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  using Answer = base::Result<std::variant<Claim, Standing>>;
  enum class WhileInFlight : std::uint8_t { tell, wait };
  // From any thread. `answered` is called once, on the store thread: at once, or with `wait` when the call in flight
  // has ended. A claim that nobody takes is freed.
  void claim(const ClaimRequest& request, WhileInFlight in_flight, std::function<void(Answer)> answered);

 private:
  friend class Claim;
  struct Waiter {
    ClaimRequest request;
    std::function<void(Answer)> answered;
  };

  // On the store thread.
  void claim_now(const ClaimRequest& request, WhileInFlight in_flight, std::function<void(Answer)> answered);
  void end(const Name& name, const std::function<base::Status()>& write);
  void free_now(const Name& name, base::ExchangeId exchange);
  base::Status free_owed();

  Store& store_;
  const Run run_;
  // The store thread's alone, like all below.
  std::map<Name, std::vector<Waiter>> waiters_;
  // Nothing is sent by these, and the store may have them in flight: it has not answered.
  std::vector<std::pair<Name, base::ExchangeId>> to_free_;
};

}  // namespace idempotency
