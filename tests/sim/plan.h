#pragma once
// A life written down before it is lived: a list of steps, each with a die of its own. So a part of the list can be
// left out, and the rest still rolls what it rolled before; that is what makes shrinking work.

#include <cstdint>
#include <string_view>
#include <vector>

namespace sim {

enum class Act : std::uint8_t {
  ask,      // a client asks for something on some limits
  go_on,    // an exchange under way is sent, settled, released, dropped
  answer,   // a decision of the keeper reaches the worker that waits for it
  turn,     // the store thread runs, if it was woken or is due
  pass,     // time passes, mostly a little
  jump,     // a clock is set, forward or back
  weather,  // the link to the store gets better or worse
  edit,     // a limit's amount is changed
  remove,   // a limit is removed, and perhaps created again
  numbers,  // somebody reads the five numbers
  echo,     // a flush that was made before arrives once more
  crash,    // the process is killed and started again
  close,    // the process ends in good order and is started again
  quote,    // a client asks for a quote, or redeems one
  extend,   // a stream goes on beyond what is reserved for it
  order,    // the operator moves money of the balance, or what ended is swept
  open,     // a limit comes into force, a new one or one that was removed
  decide,   // something that is unresolved is settled, released, or has been so for too long
  calm,     // all faults end, and everything must come to rest
};
inline constexpr int act_count = 19;
std::string_view to_string(Act act) noexcept;

struct Step {
  int number = 0;  // its place in the life as it was planned
  Act act = Act::ask;
  std::uint64_t dice = 0;
  bool plain = false;  // by the shrinker: nothing else happens while the store works
};

// Where a life has its store: the reference in memory, or SQLite on files, which one node has to itself.
enum class StoreKind : std::uint8_t { memory, sqlite };

struct Plan {
  StoreKind store = StoreKind::memory;
  std::uint64_t seed = 0;  // what the world is like: limits, options, clocks
  std::vector<Step> steps;
};

// The life of a seed. It ends with `calm`.
Plan plan_of(std::uint64_t seed, StoreKind store);

}  // namespace sim
