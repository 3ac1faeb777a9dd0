#pragma once
// Work that goes on after the reply to the call that began it: a response in the background, a batch. That call's
// exchange has ended, and all that it reserved is an unresolved item (unresolved.h). What is written down here says
// whose the work is and by what it is billed, so that whoever fetches its end later has the item settled at what it
// cost. It is the operator's act, done by the gateway.
//
// Always: work is found by the account that began it and by no other; its item is settled once, however often its end
// is fetched and by whichever process. What is lost here, or never fetched, stays held until the time-out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace quota {

enum class DeferredKind : std::uint8_t {
  response,  // in the background
  file,      // no work, and holds nothing: the requests of a batch that may be begun
  batch,
  output,   // of a batch that has ended: the results, which say what it used
  errors,   // the same: what was not served
  deleted,  // of any kind, and gone: what is left of it is its place in the account's lists
};
inline constexpr DeferredKind last_deferred_kind = DeferredKind::deleted;
std::string_view to_string(DeferredKind kind) noexcept;

struct Deferred {
  std::string upstream;
  std::string object;  // its id at the provider ("resp_…")
  DeferredKind kind = DeferredKind::response;
  base::ExchangeId exchange;  // that began it: its item
  base::AccountId account;
  base::KeyId key;
  base::WallTime begun;
  std::string terms = {};  // what its bill needs, for whoever makes it (gateway/terms.h)
  bool operator==(const Deferred&) const = default;
};

// Who asks for what. An object stands at one of the upstreams.
struct DeferredQuestion {
  base::AccountId account;
  std::string object;
  std::vector<std::string> upstreams;
};

// Which of an account's objects are listed, by when they were written down.
struct DeferredListing {
  enum class Order : std::uint8_t { newest_first, oldest_first };

  base::AccountId account;
  std::vector<std::string> upstreams;
  std::vector<DeferredKind> kinds;                  // one to three
  std::optional<std::string> after = std::nullopt;  // the account's object behind which the page begins
  Order order = Order::newest_first;
  std::size_t limit = 20;
};

// Port: what is written down. One conformance suite holds for every implementation (tests/conformance). Called from the
// store thread.
class DeferredStore {
 public:
  virtual ~DeferredStore() = default;
  // Durable against power loss when it returns. The same again changes nothing. conflict: the upstream has given the id
  // to other work. Takes some away that is older than deferred_kept_ms and holds nothing.
  virtual base::Status keep_deferred(const Deferred& work) = 0;
  // nullopt: the account has no such work.
  virtual base::Result<std::optional<Deferred>> find_deferred(const DeferredQuestion& question) = 0;
  // Without what was forgotten. not_found: `after` names nothing of this account, nor anything that it deleted.
  virtual base::Result<std::vector<Deferred>> list_deferred(const DeferredListing& listing) = 0;
  // It is gone at the provider: it is not found any more, nor kept again. What is not there is gone already.
  virtual base::Status forget_deferred(std::string_view upstream, std::string_view object) = 0;
};

// Longer than providers keep a response (30 days).
inline constexpr std::int64_t deferred_kept_ms = 32 * 86'400'000LL;
// How many are taken away with one that is added: more than one.
inline constexpr std::int64_t forgotten_with_a_deferred = 4;

// What the implementations answer alike.
base::Status check_same_work(const Deferred& known, const Deferred& wanted);
std::unexpected<base::Error> nothing_to_list_after(const DeferredListing& listing);

}  // namespace quota
