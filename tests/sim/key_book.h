#pragma once
// The auditor's books of Idempotency-Keys: which calls have come under each, how each has ended, and so what the store
// must say of the key. Of the calls of one key, within its time, at most one is sent; who repeats it is told the truth
// about that one; and a key by which nothing was sent is free again.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace sim {

class KeyBook {
 public:
  // A call that comes under a key; it goes by the number of its exchange.
  struct Asked {
    int key = 0;
    int exchange = 0;
    int node = 0;
    int body = 0;
    std::int64_t at_ms = 0, expires_ms = 0;
    bool waits = false;  // for the call in flight, if there is one
  };
  enum class State : std::uint8_t { in_flight, kept, not_kept, unknown };
  // What is said of the call that was first.
  struct Standing {
    State state = State::in_flight;
    int first = 0;
    bool same_request = true;
    std::optional<int> reply = std::nullopt;  // of which exchange
    bool operator==(const Standing&) const = default;
  };

  // --- what the process does
  void asked(const Asked& call) { calls_.emplace(call.exchange, Call{.asked = call}); }
  // It may be sent.
  void claimed(int exchange);
  void told(int exchange, const Standing& standing);
  // It was not told what its key stands for, and goes no further: nobody could say, or its client did not wait.
  void given_up(int exchange);
  void sent(int exchange);
  // nullopt: it was not sent, or surely not done.
  void ended(int exchange, std::optional<State> as);
  void process_ended(int node);

  // --- what the store says and does, at the moment at which it does
  void store_answers(int exchange, const std::optional<Standing>& standing);
  void store_ends(int exchange, std::optional<State> as);
  // It was to end the call, and did not say that it has.
  void end_was_lost(int exchange) { calls_.at(exchange).end_was_lost = true; }

  // Nobody is under way, and each node has asked for a key since all faults ended.
  void at_rest() const;
  bool is_in_flight(int key) const {
    const auto at = entries_.find(key);
    return at != entries_.end() && at->second.state == State::in_flight;
  }
  // That have a call in this life.
  const std::map<int, Asked>& first_calls() const { return first_; }

 private:
  enum class Stage : std::uint8_t { asking, refused, running, ended, gone };
  struct Call {
    Asked asked;
    Stage stage = Stage::asking;
    std::optional<State> end = std::nullopt;
    bool sent = false;
    bool end_was_lost = false;
    std::vector<std::optional<Standing>> answers = {};  // the store's
  };
  // What the store must have of a key.
  struct Entry {
    int exchange = 0;
    State state = State::in_flight;
    bool may_be_forgotten = false;  // its time was over for somebody
  };
  bool is_over(const Entry& entry, std::int64_t at_ms) const;

  std::map<int, Call> calls_;  // by exchange
  std::map<int, Entry> entries_;
  std::map<int, Asked> first_;
  std::int64_t highest_ms_ = 0;  // at which anybody has asked: what is over then may be forgotten
};

}  // namespace sim
