#pragma once
// events: facts that happened. The usage record is the first: an exchange that was admitted, or refused for a known
// key, ends in exactly one of them. It never holds a body, a header value or a secret.

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/result.h"
#include "base/window.h"
#include "meter/usage.h"

namespace events {

enum class Outcome : std::uint8_t {
  served,       // the upstream answered; what it bills is in `cost`
  refused,      // a policy's no, before the upstream
  failed,       // the upstream did not answer, or the answer broke off
  unaccounted,  // one per lease that a crash left open: stands for records that were lost
  corrected,    // no exchange: what became later of money that another record left unresolved (quota/unresolved.h)
  opened,       // no exchange: what a limit that was created found spent in its window (store/opening.h)
  deferred,     // the upstream took the work on and goes on with it: a correction says what it cost (quota/deferred.h)
};
std::string_view to_string(Outcome outcome) noexcept;

// What one exchange did to one counter (a limit in one window). Amounts in the limit's unit (nano-dollars for usd).
struct Hold {
  base::LimitId limit;
  base::WindowLabel label;
  std::int64_t reserved = 0;    // taken before it left
  std::int64_t spent = 0;       // booked; above `reserved` only by an overrun
  std::int64_t unresolved = 0;  // of the reserved, what stays held because the true cost is not known; of a corrected
                                // record below zero: what is held no more; of an opened one, what items hold
  // What goes back to the lease is reserved - spent - unresolved, never below zero.
  std::optional<base::WindowLabel> sub_window = std::nullopt;  // of a rolling limit: where `spent` counts
  // Of the node's lease that it was taken from (quota/store.h). A matter of the flush: no usage log keeps it.
  std::int64_t lease_epoch = 1;

  bool operator==(const Hold&) const = default;
};

// Most exchanges meet one to three limits: those need no allocation.
using Holds = boost::container::small_vector<Hold, 3>;

// A try at an upstream that did not serve the call, which then went on to another one. It cost nothing: nothing was
// sent, or the upstream refused definitely.
struct Attempt {
  std::string upstream;
  int status = 0;  // what it answered; 0: it did not
  base::ErrorType error = base::ErrorType::upstream_error;
  base::Source fault = base::Source::network;
  std::int64_t duration_us = 0;

  bool operator==(const Attempt&) const = default;
};
// The limit or balance that refused a call, and its numbers at that moment.
struct RefusedBy {
  base::LimitId limit = {};                                // nil: the balance of the account
  base::WindowLabel label = {};                            // of the window that was asked
  std::int64_t required = 0;                               // in the limit's unit, as are the others
  std::int64_t available = 0;                              // what could be reserved
  std::int64_t amount = 0;                                 // in force: with a raise, not the limit's own
  std::optional<base::WallTime> resets_at = std::nullopt;  // nullopt: never by itself
  std::optional<int> blocked_at_percent = std::nullopt;    // the threshold that blocked it

  bool operator==(const RefusedBy&) const = default;
};

// How many upstreams one call may try in all.
inline constexpr std::size_t attempts_max = 4;

struct UsageRecord {
  base::ExchangeId id;  // also the X-Request-Id of the reply
  base::WallTime started;
  std::int64_t duration_us = 0;
  std::int64_t first_byte_us = 0;  // 0: no byte came
  base::AccountId account;
  base::KeyId key;
  std::string route;
  std::string upstream;      // the last one tried; empty: none was called
  std::string model;         // asked for
  std::string served_model;  // named by the reply; empty if it names none
  bool stream = false;
  Outcome outcome = Outcome::served;
  int status = 0;  // what the client was answered
  std::optional<base::ErrorType> error;
  std::optional<base::Source> fault;  // who caused the error
  std::optional<meter::Usage> usage;  // nullopt: unknown
  base::Money estimate;               // worst case: before the call, or what it was extended to
  base::Money cost;                   // what is booked
  std::string price_version;
  std::string tags = {};  // catalog/tags.h
  Holds holds;
  std::vector<Attempt> attempts = {};                  // before the last one, in their order; fewer than attempts_max
  std::optional<RefusedBy> refused_by = std::nullopt;  // of a refused one, where a limit or balance refused

  // Empty as a new one, for the next exchange; keeps the memory of its strings.
  void reset();
  bool operator==(const UsageRecord&) const = default;
};

// For what takes records wherever they stand. `records` must outlive it.
std::vector<const UsageRecord*> pointers_to(std::span<const UsageRecord> records);

}  // namespace events
