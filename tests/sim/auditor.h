#pragma once
// Keeps books of its own and shares nothing with the engine but Money. It is told by the workload what was asked, what
// was admitted and what upstream billed; it reads what the store says; and it knows nothing of leases, grants, flushes
// and queues. Whatever the two say must agree with what always holds (design.md §2); if not, it throws a Violation.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/money.h"
#include "tests/sim/bookkeeper.h"
#include "tests/sim/clock.h"
#include "tests/sim/figures.h"
#include "tests/sim/key_book.h"
#include "tests/sim/words.h"

namespace sim {

class Auditor {
 public:
  // `nodes`: gateways on one store. Each knows of the others only what they have told it.
  Auditor(Figures& figures, const WorldClock& clock, int nodes)
      : figures_(figures), clock_(clock), looks_(static_cast<std::size_t>(nodes)) {}

  int nodes() const { return static_cast<int>(looks_.size()); }

  // --- limits. Between begin and end of an edit both amounts are right; after a failed one, until the next.
  void limit_planned(int limit, LimitTerms terms);
  // Once a crossing: in the call that made it.
  void crossed(const Crossing& crossing);
  // `raise`: one that has ended does nothing.
  void edit_begins(int limit, Money amount, std::optional<RaisedTo> raise);
  void edit_ends(int limit, bool certain);

  // --- exchanges. `from` and `to`: the wall clock's reach while it was decided.
  // `quote`: that it redeems, which was told of before (redeemed).
  void admitted(int exchange, int node, const std::vector<Want>& wants, const std::vector<Taking>& takings, Span reach,
                const std::optional<BalanceWant>& balance = {}, std::optional<int> quote = std::nullopt);
  // The same one: when its windows were chosen, and what it is.
  void began(int exchange, Call call);
  // It is written down: from here on a kill leaves a record of it.
  void entered(int exchange);
  void sent(int exchange, bool is_sent);
  // Of its limits, in their order; what its balance is charged the auditor says itself. Without bookings nothing is
  // owed.
  enum class Known : std::uint8_t { all, at_least };
  // `tokens`: that a reply has said it used; nullopt: there was none.
  void ended(int exchange, Money cost = {}, std::vector<Booking> bookings = {}, Known known = Known::all,
             std::optional<Money> tokens = std::nullopt);

  // --- more for one that is under way (auditor_extends.cpp). It was handed out: of each of the exchange's limits so
  // much as `more` says, in their order, if it holds anything of it.
  void extension_given(int exchange, int node, const std::vector<Money>& more, const std::vector<Taking>& parts,
                       Span reach, const std::optional<BalanceWant>& balance);
  // It is the exchange's: held and, in the end, settled as if it had been asked for at first.
  void extended(int exchange, Money bound);
  // Nobody has taken it, and it goes back.
  void extension_dropped(int exchange);
  // What it holds now survives what the journal is for, and what it pays for may go on to the client.
  void relayed(int exchange);

  // --- limits that come into force (auditor_openings.cpp). Between begin and end it may be in force or not.
  void opening_begins(int limit, Money amount);
  void opening_ends(int limit);
  void opening_failed(int limit);
  // The account is below that one from here on, by the clock of whoever moved it; 0: at the top. At first: ever.
  // `newest_ms`: when the newest record that the store had then has started.
  void moved(int home, std::int64_t at_ms, std::int64_t newest_ms);
  // The store has it, and counts what records of exchanges in `span` say. `first_after`: those from there on were asked
  // for since it began; what was under way before at that node takes the limit on, or has a record.
  void opened(int node, Place place, Span span, int first_after, const std::vector<StoreRecord>& records,
              const StoreNumbers& store);
  // An exchange that is under way holds more: of a limit that comes into force.
  void took_on(int exchange, Taking taking);
  // One that is not admitted yet, and takes it on if it is (joined).
  void is_to_take_on(int exchange, int node, Taking taking);
  // It is decided. `places`: the limits that it counts on in the end. Where it `goes_on`, it has begun in a window of
  // each that has counted it, or before.
  void joined(int exchange, const std::vector<Place>& places, bool goes_on);

  // --- what was unresolved is decided (auditor_unresolved.cpp). Whether the store must refuse it, and, when it has
  // done it, what it has written down.
  bool is_below_what_is_booked(const Decided& decided) const;
  void corrected(const Decided& decided, const StoreRecord& record);
  // While a flush is in doubt the keeper knows what it may hand out, and not yet what is left.
  void correction_told(const Decided& decided, bool flush_in_doubt);
  void flush_confirmed();

  struct Shortage {
    Place place;
    Money required, available;
    Money own = {};  // that who asks for more holds already: waiting for oneself does not help
  };
  void refused_as_reached(int node, const std::vector<Shortage>& shortages) const;
  // Right if at any moment since begin_look() others held what was missing.
  void refused_as_busy(int node, const std::vector<Shortage>& shortages) const;
  // From here on, the most and the least that is held anywhere is remembered for that node.
  void begin_look(int node);
  // amount - spent - unresolved: what a client may still ask for. Of a rolling limit, what it may certainly.
  Money left(Place place) const;
  // Nobody may have more than that.
  Money left_by_any_count(Place place) const;
  // What a reply's headers may say is left: a process that could not ask may know an older amount.
  Money left_at_most(Place place) const;
  Money reserved(Place place) const;
  Money held(Place place) const;
  bool certain_of(int limit) const;  // no edit is open
  bool excused(Place place) const;
  bool excused_any(const std::vector<Want>& wants, const std::optional<BalanceWant>& balance) const;
  // The next process begins at an earlier time than the last one has seen: what counts of a rolling limit is more
  // again.
  void time_stepped_back();

  KeyBook& keys() { return keys_; }

  // --- the balance of a prepaid account (auditor_balance.cpp)
  Bookkeeper& bookkeeper() { return bookkeeper_; }
  const Bookkeeper& bookkeeper() const { return bookkeeper_; }
  void grant_ordered(int number, GrantTerms terms);
  // After every call of the store.
  void see_books(const std::vector<Move>& moves, const std::vector<KeptGrant>& kept);
  // All nodes have heard how the grants stand.
  void grants_told();
  void refused_as_insufficient(int node, const BalanceWant& want, Money required) const;
  bool balance_in_the_way(int node, const BalanceWant& want, Money required) const;
  Money balance_left() const;
  bool lost_of_balance() const;  // a grant of money of it was never heard of
  // Grants that are over hold nothing, and what is due of the monthly fee cannot be paid.
  void balance_at_rest() const;

  // --- held quotes (auditor_quotes.cpp). In the order of the wants.
  void quote_asked(int quote, std::vector<Want> wants, std::optional<BalanceWant> balance = {});
  void quote_held(int quote);
  // Nobody could say whether it is.
  void quote_doubtful(int quote);
  // Says whether it is held already.
  bool redemption_asked(int quote);
  void redeemed(int quote, int exchange, bool of_another_key, std::int64_t stamp_ms);
  // `was_held`: when it was asked for. `places`: that the exchange may have been counted in.
  void refused_as_unusable(int quote, bool was_held, bool of_another_key, const std::vector<Want>& wants,
                           const std::vector<Place>& places) const;
  // How it stands in the store, after a call of that.
  enum class QuoteStage : std::uint8_t { asked, held, redeemed, expired };
  void see_quote(int quote, QuoteStage stage, const std::vector<Taking>& parts, std::int64_t expires_ms);
  std::int64_t last_quote_end_ms() const;    // of those that are held; 0: none is
  std::int64_t latest_quote_end_ms() const;  // of all that there were

  // --- the store
  void look_at(Place place, const StoreNumbers& store) const;
  struct Five {
    Money amount, available, reserved, unresolved, spent;
  };
  // Of a moment since begin_look(); `quiet`: nothing else has happened since.
  void look_at_five(int node, Place place, const Five& five, bool quiet) const;
  // What is out, of each place of which something is: expired, and by node what the store has leased to it.
  struct Out {
    Money expired;
    std::vector<Money> leased;
  };
  void look_at_leases(std::map<Place, Out> out);
  // The store was asked for money of this place, whether or not anybody got it.
  void touched(Place place) { accounts_[place]; }
  // A grant that was made and never heard of: stands as leased until the process ends.
  void grant_lost(Place place, Money amount) { lost_grants_[place] += amount; }
  bool lost_a_grant(Place place) const { return lost_grants_.contains(place); }
  // The process has ended, and the store has opened its next: what is gone is gone. All records there are, and what the
  // store said when it ended and says now.
  void process_ended(int node, EndOfProcess how, const std::vector<StoreRecord>& records,
                     const std::map<Place, StoreNumbers>& before, const std::map<Place, StoreNumbers>& store);
  // Nothing happens any more and no fault is active.
  void at_rest(const std::vector<StoreRecord>& records, const std::map<Place, StoreNumbers>& store);

  // Every place that was ever touched.
  std::vector<Place> places() const;

 private:
  enum class Stage : std::uint8_t { reserved, sent, ended, crashed, lost };
  struct Exchange {
    Stage stage = Stage::reserved;
    int node = 0;
    bool entered = false;
    bool was_sent = false;
    bool recorded = false;  // before the last process ended
    std::vector<Taking> takings;
    // What it held before each extension, and each limit that it took on; as much as was `relayed` of them no power
    // loss takes away.
    struct Earlier {
      std::vector<Taking> takings;
      Money bound;
    };
    std::vector<Earlier> earlier = {};
    std::size_t relayed = 0;
    std::vector<Booking> bookings;
    Span reach;  // of the wall clock, while it was decided
    Money cost;
    std::optional<Money> tokens = {};  // that its reply says it used
    Call call = {};
    std::int64_t markup_basis_points = 0;
  };
  // Where the account is from a time on, and until when it is at the place before, too.
  struct Home {
    int home = 0;
    std::int64_t since_ms = 0;
    std::int64_t before_until_ms = 0;
  };
  struct LimitBook {
    Money low = {}, high = {};                  // what the amount may be taken to be
    Money wanted = {};                          // of the edit under way
    Money highest = {};                         // ever, raised or not
    std::optional<RaisedTo> wanted_raise = {};  // likewise
    std::vector<RaisedTo> maybe_raised = {};    // what it may be raised to
    std::optional<RaisedTo> raised = {};        // what it certainly is
    bool was_raised = false;                    // ever
    bool certain = true;
    bool edited = false;                                                  // ever
    bool known = false;                                                   // to the store: it was in force
    std::int64_t in_force_ms = std::numeric_limits<std::int64_t>::min();  // since when, if it came into force later
    bool opening = false;  // or failed to open: what it has found its node may not have heard of
    LimitTerms terms = {};
  };
  struct Account {
    Money reserved, spent, unresolved, unaccounted, quoted;
    Money taken_on = {};  // ever: of what is or was reserved, what the store may not have leased
    Money found = {};     // by openings, since all was at rest: what a process that could not ask may not know of
    // Since all was at rest: what nodes may not have heard of that have something leased. Of a fleet what others have
    // overrun; else what a correction does, until its keeper is told.
    Money overrun = {};
    Money decided = {};    // spent by corrections that their keepers may not have heard of
    bool excused = false;  // an overrun or a lowered amount may stand above the amount
    std::optional<Span> span;
    // Of a rolling limit, what was spent by the first and the last moment at which it may have been admitted.
    std::map<std::int64_t, Money> by_first, by_last;
    // Something was spent since all was at rest: until the store has heard of it it is leased, counted or not.
    bool unheard = false;
  };

  // What an opening has counted of something that it found, or a correction of what it ends.
  struct Opened {
    Place place;
    std::int64_t stamp_ms = 0;
    Booking found;
    std::string what = {};  // the exchange's number, or the record's id
    // Of a rolling limit that was gone then: of what a crash left nobody knew where in its span it counts. It does when
    // the limit is in force again.
    bool is_nowhere = false;
  };
  struct Holding {
    Place place;
    Booking booked;
    bool is_carried = false;  // by a limit that came into force later
  };
  struct Correction {
    std::string what;  // is corrected
    bool is_of_lease = false;
    bool is_told = false;  // to the keeper through which it was made
    Decided::Verdict verdict = Decided::Verdict::settled;
    Money cost = {}, tokens = {};  // beyond those that were known
    std::vector<Holding> holds = {};
  };
  // That was handed out, and of which its worker has not heard.
  struct Extension {
    int node = 0;
    std::vector<Taking> parts;
  };
  struct QuoteBook {
    std::vector<Want> wants;
    std::optional<BalanceWant> balance;
    std::int64_t asked_ms = 0;
    QuoteStage stage = QuoteStage::asked;
    bool doubtful = false;  // nobody was told that it is held
    int redeeming = 0;      // how many exchanges have asked for it
    bool claimed = false;   // one was admitted by it
    std::vector<Taking> parts = {};
    std::int64_t expires_ms = 0;
  };
  struct Look {
    Money most, least;
    bool overrun = false;  // the books of a lease were not square meanwhile, and only the next look can tell
  };
  struct Looking {
    std::int64_t began_ms = 0;
    std::map<Place, Look> looks = {};
    std::map<Place, Money> expired = {};  // at the most
    std::set<Place> others = {};          // where other nodes had something leased
    std::map<int, Money> credited = {};   // of each grant, the least
    Money debts = {};                     // of the balance, the most
    bool in_turmoil = false;              // there were some, or somebody had not heard yet how the grants stand
  };
  using Sums = std::map<Place, Booking>;

  void hold_taken_on(const Taking& taking, std::int64_t sign);
  static void take_into(Exchange& exchange, Taking taking);
  static bool holds_of(const Exchange& exchange, Place place);
  bool counts(const LimitBook& book, Span span, const Exchange& exchange) const;
  bool was_there(int home, std::int64_t at_ms) const;
  Booking booked_of(LimitTerms::Unit unit, const Exchange& exchange) const;
  Booking found_by(const LimitBook& book, const Exchange& exchange) const;
  void find(Place place, std::string what, std::int64_t stamp_ms, Booking found);
  void count_by_opening(const Opened& opened);
  std::vector<Holding> holdings_of(const Decided& decided) const;
  std::optional<Money> more_of(const Decided& decided, const Holding& holding) const;
  std::optional<std::vector<Holding>> correction_of(const Decided& decided) const;
  Money cost_of(const Decided& decided) const;
  void check_correction(const StoreRecord& record, const Correction& expected) const;
  void check_corrections(const std::vector<StoreRecord>& records) const;
  void book_correction(const std::string& what, std::int64_t stamp_ms, const Holding& holding, bool is_nowhere);
  void find_what_was_nowhere(Place place, Span span);
  Booking with_correction(const LimitBook& book, const std::string& what, Booking found) const;
  void move_quoted(const QuoteBook& book, std::int64_t sign);
  Money carried(std::optional<int> quote, Place place) const;
  bool quote_names(std::optional<int> quote, int limit) const;
  Money quoted_least(Place place) const;
  void check_quoted(const std::map<Place, StoreNumbers>& store) const;
  const LimitBook& limit(int number) const {
    return number >= first_grant ? grants_.at(number) : limits_.at(static_cast<std::size_t>(number));
  }
  const Account& account(Place place) const;
  // What the amount may have been at any moment from that one on, and what it is at the least.
  Money high_since(const LimitBook& book, std::int64_t ms) const;
  Money low(const LimitBook& book) const;
  static Money level_of(int percent, Money amount);
  // Whether a limit that blocks is stopped by what is spent.
  static bool is_blocked(const LimitBook& book, Money amount, Money spent);
  void check_fired() const;
  // Since the last begin_look() of that node.
  Money high_in_look(const LimitBook& book, int node) const {
    return high_since(book, std::min(clock_.early_ms(), looks_.at(static_cast<std::size_t>(node)).began_ms));
  }
  bool is_leased(Place place) const {
    const LimitKind kind = limit(place.limit).terms.kind;
    return kind == LimitKind::hard || kind == LimitKind::grant;
  }
  bool is_grant(Place place) const { return limit(place.limit).terms.kind == LimitKind::grant; }
  // What the balance is charged for a cost, or holds for a bound.
  static Money charge_of(const BalanceWant& want);
  // That so much of a place was there, when it was taken by an exchange or for it.
  void check_room(int exchange, const Taking& taking, std::int64_t since_ms, std::optional<int> quote) const;
  // Which of what it held in turn the record says: 0 is at first. nullopt: none.
  static std::optional<std::size_t> version_of(const StoreRecord& record, const Exchange& exchange);
  static const std::vector<Taking>& takings_of(const Exchange& exchange, std::size_t version);
  void extensions_end(int node);
  void check_slices(int exchange, int node, const BalanceWant& want, const std::vector<Taking>& slices, Span reach,
                    bool of_quote) const;
  void check_burn_order(const std::vector<Taking>& slices) const;
  void burn(const Exchange& exchange, Known known, std::vector<Booking>& bookings) const;
  std::vector<Moved> postings_of(const Exchange& exchange) const;
  Money left_of_grant(int node, int grant, Money held) const;
  Money debts(int node) const;
  void note_books();
  // What counts as spent: at the least, and at the most at any moment since begin_look().
  Money spent_least(Place place) const;
  Money spent_most(Place place) const;
  std::int64_t any_look_began_ms() const;  // the first of the nodes' last ones
  void spend(Place place, Span reach, Money amount);
  // All sums once more, from the exchanges.
  void sum_up();
  void note_held(Place place);
  void note_all_held();
  void note_out(Looking& looking, std::size_t node) const;
  Look look(int node, Place place) const;
  // In a fleet, whether that node alone knows all that is spent and held.
  bool is_fleet() const { return looks_.size() > 1; }
  void check_record(const StoreRecord& record, const Exchange& exchange) const;
  // Checks each record by itself, that none comes twice, and that the counters are nothing but their sum. Says which
  // exchanges have one.
  std::vector<bool> check_records(const std::vector<StoreRecord>& records,
                                  const std::map<Place, StoreNumbers>& store) const;
  void check_crashed_record(const StoreRecord& record, const Exchange& exchange) const;
  // Of an exchange that came to no end that the store heard of: what must be held for it.
  using Owed = std::map<Place, Money>;
  void owe(const Exchange& exchange, Owed& owed);
  void see_crashed(EndOfProcess how, const StoreRecord& record, Owed& owed, Owed& held);
  // What those that got their record since the last end of a process have spent beyond what they held.
  Owed overruns_since(const std::vector<bool>& has_record);
  void see_missing(EndOfProcess how, int number, Exchange& exchange, Owed& owed);

  Figures& figures_;
  const WorldClock& clock_;
  std::vector<LimitBook> limits_;
  std::map<int, LimitBook> grants_;
  std::map<Place, Account> accounts_;
  std::vector<Home> homes_;  // one after the other
  std::map<int, Exchange> exchanges_;
  std::map<int, Extension> extensions_;  // by exchange
  std::map<int, Extension> to_take_on_;  // likewise: of limits that come into force
  std::vector<Opened> openings_;
  std::map<std::string, Correction> corrections_;      // by the correction's record
  std::map<std::string, std::string> corrected_;       // the record of what is corrected
  std::set<std::pair<Place, std::string>> opened_by_;  // each counts once at a place
  std::map<int, QuoteBook> quotes_;
  Bookkeeper bookkeeper_;
  KeyBook keys_;
  bool owed_ = false;                      // the account did, since all was at rest
  std::set<int> doubtful_;                 // limits of which something may be held aside, until all was at rest
  std::set<std::pair<Place, int>> fired_;  // places and percentages
  std::map<Place, Money> given_back_;      // by corrections that keepers may not have heard of
  std::set<Place> told_in_doubt_;          // of these, when the next flush is confirmed
  std::set<int> unquoted_;                 // of which a quote has ended, until all was at rest
  std::map<Place, Money> lost_grants_;
  std::vector<Looking> looks_;  // by node
  std::map<Place, Out> out_;    // now
};

}  // namespace sim
