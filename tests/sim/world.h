#pragma once
// One life: a store that outlives everything, limits that an operator edits, and nodes, on each of which processes come
// and go, one after another. The plan says what happens; after each step the auditor looks.
//
// In every second life one node has the store to itself, embedded. In the others two or three share it, as a fleet:
// their leases hold for a time, and while one node's call is on its way the others go on, to the point of making calls
// of their own. Each counts by the store's clock as far as it has heard of it. On SQLite there is one node.

#include <memory>
#include <optional>
#include <set>

#include "quota/unresolved.h"
#include "tests/sim/machine.h"
#include "tests/sim/plan.h"
#include "tests/sim/process.h"
#include "tests/sim/truth.h"

namespace sim {

inline constexpr std::size_t limits_max = 10;  // of a life, in force or not

class World {
 public:
  World(const Plan& plan, Figures& figures, Trace& trace);
  // Throws a Violation.
  void live(const Plan& plan);

 private:
  struct Node {
    Node(int place, const WorldClock& time, Keeping keeping, std::uint64_t seed, Figures& figures)
        : number(place), clock(time), link(figures), machine(keeping, seed) {}
    const int number;
    NodeClock clock;
    base::Uuid id;  // nil: the store is embedded
    FaultyLink link;
    Machine machine;
    std::optional<Surroundings> around;
    std::unique_ptr<Process> process;
  };
  struct Operated {
    catalog::Limit limit;
    bool removed = false;
  };

  void be_born(Node& node);
  void step(const Step& step, Dice& dice);
  Node& any_node(Dice& dice) { return *dice.any_of(nodes_); }
  bool is_fleet() const { return nodes_.size() > 1; }
  std::int64_t max_skew_ms() const { return ttl_ms_ / 2; }
  void pass(Node& node, Dice& dice);
  void jump(Dice& dice);
  void change_weather(Node& node, Dice& dice);
  void edit(Node& by, Dice& dice);
  void raise(catalog::Limit& limit, Dice& dice);
  void remove(Node& by, Dice& dice);
  void crash(Node& node, Dice& dice);
  void close(Node& node, Dice& dice);
  void calm(Dice& dice);

  // --- the balance (world_balance.cpp)
  void found_balance();
  void order(Node& by, Dice& dice);
  ledger::Order order_of(Dice& dice);
  ledger::Order top_up(Dice& dice);
  void give(Node& by, const ledger::Order& order);
  void sweep(Node& by);
  void change_terms(Node& by, Dice& dice);
  // Who the grants are now every node hears, as the program says it.
  void tell_grants();
  void look_at_books();
  void look_at_grants(const std::map<quota::CounterKey, std::int64_t>& expired);
  Move told(const ledger::Transfer& transfer);
  BookAccount told(std::string_view book_account) const;
  std::vector<Moved> told(const std::vector<ledger::Posting>& postings) const;
  Ordered told(const ledger::Order& order);
  void rest_balance();
  void count(const Move& move);
  void tell(Node& node, base::LimitId limit);
  void spend_the_last_cent(Dice& dice);

  // --- limits that come into force (world_openings.cpp)
  std::int64_t any_amount(Dice& dice, catalog::LimitUnit unit) const;
  int new_limit(Dice& dice);
  void found_limit(Dice& dice);
  void open(Node& by, Dice& dice);
  void open_new(Node& by, Dice& dice);
  void open_again(Node& by, int number, Dice& dice);
  void bring_into_force(Node& by, int number, Dice& dice);
  void abandon_opening(Node& by, base::LimitId limit, const base::Error& why);
  // `first_after`: the exchanges from there on were asked for since.
  base::Status store_opening(const Node& by, const catalog::Limit& limit, int first_after, base::WallTime now);

  // --- where the account is (world_moves.cpp)
  void found_homes(std::uint64_t seed);
  base::AccountId subject_of(int limit) const;
  int home_of(const catalog::Limit& limit) const;
  bool is_to_move(const Step& step) const;
  void move(Node& by, const Step& step);
  bool see_where_it_is(base::WallTime moved, std::int64_t newest_ms);

  // --- what is unresolved (world_unresolved.cpp)
  void decide(Node& by, Dice& dice);
  // The same decision of this item.
  Decided about(const quota::UnresolvedItem& item, Decided decided);
  void check_decision(const quota::UnresolvedItem& before, const base::Result<quota::UnresolvedItem>& after,
                      bool is_wrong);
  base::Result<quota::UnresolvedItem> correct(Node& by, const quota::Correction& correction, const Decided& wanted);
  void note_correction(const quota::UnresolvedItem& item, const quota::Correction& asked, const Decided& wanted);

  void meanwhile(Node& node, bool slow);
  void another_goes_on(Node& than);
  void publish_everywhere();
  void finish_edit(int number, const base::Status& stored);
  // `also`: a limit that is not in force.
  View view_of_keys(std::optional<int> also = std::nullopt) const;
  // A new process on what the store holds and the last one has left, however often it dies on the way. Returns how the
  // last one has ended: worse than `how`, if power was lost meanwhile.
  EndOfProcess start(Node& node, Dice& dice, EndOfProcess how);
  // The next process gets at the store, after the last one has ended so.
  void connect(Node& node, EndOfProcess how);
  quota::Journals begin(Node& node, Dice& dice, EndOfProcess& how);
  void see_what_is_stored();
  static EndOfProcess killed(const Node& node);
  EndOfProcess without_power(Node& node);
  void let_time_pass_until_rest(Dice& dice);
  bool let_the_next_one_turn(std::int64_t until_ns);
  void spend_the_last_unit(Dice& dice);
  void pass_ms(std::int64_t ms);
  void look();
  void look_at_leases();
  void look_at_quotes();
  void look_at_crossings();
  bool has_expired(const Node& node, const quota::CounterKey& counter, std::int64_t epoch) const;

  std::vector<StoreRecord> records();
  StoreRecord told(const events::UsageRecord& record);
  // `node`: whose leases are looked at.
  std::map<Place, StoreNumbers> store_numbers(const Node& node);
  std::map<Place, StoreNumbers> store_numbers() { return store_numbers(*nodes_.front()); }
  Place touch(const quota::CounterKey& counter);

  Figures& figures_;
  Trace& trace_;
  Dice birth_;
  Truth truth_;
  const std::int64_t ttl_ms_;  // of a fleet's leases
  std::vector<std::unique_ptr<Node>> nodes_;
  WorldClock clock_;
  std::int64_t highest_ms_ = 0;  // that the clock ever was
  bool has_rolling_ = false;
  Auditor auditor_;
  catalog::Account account_;
  std::vector<catalog::Account> homes_;  // above it, in the lives in which it is moved
  int home_ = 0;                         // which it is below now: 1 is the first; 0: none
  bool prepaid_ = false;                 // in this life, at one time or another
  std::vector<catalog::Grant> grants_;   // as the workers know them, in burn order
  std::vector<ledger::Order> orders_;    // the last few that were given
  std::map<base::TransferId, base::GrantId> opens_;
  std::optional<base::TransferId> last_moved_;
  std::optional<base::ExchangeId> last_decided_;
  std::string spender_;  // the book account of the account
  std::vector<Operated> limits_;
  std::vector<std::vector<int>> keys_;
  std::map<base::LimitId, int> numbers_;
  std::set<quota::CounterKey> touched_;
  int next_exchange_ = 0;
  std::map<base::ExchangeId, int> exchanges_;
  std::vector<ToldQuote> quotes_;
  std::vector<int> open_quotes_;  // that have not ended in the store
  std::int64_t last_crossing_ = 0;
  std::size_t next_quote_ = 0;  // the first that was not looked at yet
  quota::KeeperOptions options_;
  std::size_t workers_ = 1;
  std::int64_t coin_ = 1;
  Dice* dice_ = nullptr;  // of the step under way
  bool plain_ = false;
  int went_on_ = 0;  // how often other nodes did, in this step
};

}  // namespace sim
