#pragma once
// One life: a store that outlives everything, limits that an operator edits, and processes that come and go on it, one
// after another. The plan says what happens; after each step the auditor looks.
//
// One process lives at a time, because the port quota/store.h knows one incarnation at a time: its calls do not say
// whose they are, so two keepers would share a lease row. When it can tell them apart, `process_` becomes a list; the
// rest is written for that already: each process has its own clock and its own view of the catalog.

#include <memory>
#include <optional>
#include <set>

#include "tests/sim/machine.h"
#include "tests/sim/plan.h"
#include "tests/sim/process.h"

namespace sim {

class World {
 public:
  World(std::uint64_t seed, Figures& figures, Trace& trace);
  // Throws a Violation.
  void live(const Plan& plan);

 private:
  struct Operated {
    catalog::Limit limit;
    bool removed = false;
  };

  void step(const Step& step, Dice& dice);
  void pass(Dice& dice);
  void jump(Dice& dice);
  void change_weather(Dice& dice);
  void edit(Dice& dice);
  void remove(Dice& dice);
  void crash(Dice& dice);
  void close(Dice& dice);
  void calm(Dice& dice);

  int open_limit(Dice& dice);
  void meanwhile(bool slow);
  void publish_everywhere();
  void finish_edit(int number, const base::Status& stored);
  View view_of_keys() const;
  // A new process on what the store holds and the last one has left, however often it dies on the way. Returns how the
  // last one has ended: worse than `how`, if power was lost meanwhile.
  EndOfProcess start(Dice& dice, EndOfProcess how);
  quota::Journals begin(Dice& dice, EndOfProcess& how);
  void see_what_is_stored();
  EndOfProcess killed() const;
  EndOfProcess without_power();
  void let_time_pass_until_rest(Dice& dice);
  void spend_the_last_unit(Dice& dice);
  void pass_ms(std::int64_t ms);
  void look();

  std::vector<StoreRecord> records();
  StoreRecord told(const events::UsageRecord& record);
  std::map<Place, StoreNumbers> store_numbers();
  Place touch(const quota::CounterKey& counter);

  Figures& figures_;
  Trace& trace_;
  Dice birth_;
  store::MemoryStore truth_;
  FaultyLink link_;
  Machine machine_;
  ProcessClock clock_;
  std::int64_t highest_ms_ = 0;  // that the clock ever was
  bool has_rolling_ = false;
  Auditor auditor_;
  catalog::Account account_;
  std::vector<Operated> limits_;
  std::vector<std::vector<int>> keys_;
  std::map<base::LimitId, int> numbers_;
  std::set<quota::CounterKey> touched_;
  int next_exchange_ = 0;
  std::map<base::ExchangeId, int> exchanges_;
  Surroundings around_;
  quota::KeeperOptions options_;
  std::size_t workers_ = 1;
  std::unique_ptr<Process> process_;
  Dice* dice_ = nullptr;  // of the step under way
  bool plain_ = false;
};

}  // namespace sim
