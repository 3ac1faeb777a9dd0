#pragma once
// idempotency: the first result of a call, for whoever sends the same call again under the same Idempotency-Key. A key
// is claimed in the store before its call leaves; the reply is kept with it for a time. It owns no money: a call that
// is answered from here reserves nothing, because nobody is called.
//
// Always: of the calls of one API key with one Idempotency-Key, within its time, at most one is sent. Where nobody can
// know any more what became of that one, it is said, and nothing is sent again.
//
// This is the port to the store (store/); one conformance suite holds for every implementation. desk.h is what the data
// plane talks to, on the store thread; the control plane calls the port from its own.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/sha256.h"

namespace idempotency {

// An Idempotency-Key, within the API key that sent it. Only its digest is kept: people put names into them.
struct Name {
  base::KeyId key;
  base::Sha256 digest{};
  auto operator<=>(const Name&) const = default;
};

struct ClaimRequest {
  Name name;
  base::Sha256 request{};  // digest of what must be the same the next time: path and body
  base::ExchangeId exchange;
  base::WallTime now;
  base::WallTime expires;  // when the key may be used for another call
  // Of so many keys of the same API key at most something is kept: the earliest to expire make room, but for what is in
  // flight. 0: of as many as there are.
  std::size_t most = 0;
};

// What a client gets again.
struct KeptReply {
  int status = 0;
  std::string fields;  // header fields of the upstream's, each with its line end; framing is not among them
  std::string body;    // as it went to the client, without its framing
  bool operator==(const KeptReply&) const = default;
};

enum class State : std::uint8_t {
  in_flight,  // the call that claimed it runs
  kept,       // it has ended, and its reply is here
  not_kept,   // it has ended; its reply was larger than is kept
  unknown,    // it was sent, or may have been, and nobody knows what became of it
};
std::string_view to_string(State state) noexcept;

// What is known of a key that was claimed before.
struct Standing {
  State state = State::in_flight;
  base::ExchangeId exchange;  // that claimed it
  bool same_request = true;
  std::optional<KeptReply> reply = std::nullopt;  // of `kept`, if it is the same request
};

class Store {
 public:
  virtual ~Store() = default;
  // nullopt: it is the caller's now, durable against power loss when this returns; it was free, its time was over, or
  // the same exchange has it in flight already and asks again. What is in flight never expires. What was in flight in
  // an earlier process of the same node is unknown. Takes some of what has expired away on the way.
  virtual base::Result<std::optional<Standing>> claim(const ClaimRequest& request) = 0;
  // Ends a claim of this process; `reply` with `kept` only. A claim that is not this exchange's, or has ended, stays as
  // it is.
  virtual base::Status finish(const Name& name, base::ExchangeId exchange, State state,
                              const std::optional<KeptReply>& reply) = 0;
  // Gives it up, if this exchange has it in flight: nothing was sent.
  virtual base::Status free(const Name& name, base::ExchangeId exchange) = 0;
};

// How many expired keys a claim takes away: more than it adds.
inline constexpr int forgotten_with_a_claim = 4;

}  // namespace idempotency
