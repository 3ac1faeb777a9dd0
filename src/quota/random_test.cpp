// A random life of one node: exchanges on three limits in two kinds of windows, with extensions, overruns, lost
// answers, edits, the turn of days and months, and crashes. An auditor keeps its own books and looks after each step.
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/money.h"
#include "quota/world_test.h"

using namespace quota;
using namespace quota::testing;
using base::Money;
using meter::Certainty;
using Answer = ScriptedStore::Answer;

namespace {

Money money(std::int64_t nanos) { return Money::from_nanos(nanos); }

// Knows what was admitted and what became of it, and nothing of leases, grants and flushes.
class Auditor {
 public:
  struct Account {
    Money amount, reserved, spent, unresolved;
    bool excused = false;  // an overrun or a lowered amount may stand above the amount, but nothing may be added to it
    Money held() const { return reserved + spent + unresolved; }
  };
  // A limit by its number, in the window that begins at a time.
  using Place = std::pair<std::size_t, std::int64_t>;

  Account& at(Place place) { return books_[place]; }
  std::map<Place, Account>& books() { return books_; }

  void admitted(Place place, Money amount, Money limit) {
    Account& account = books_[place];
    account.amount = limit;
    account.reserved += amount;
    INFO(fmt::format("admitted {} beyond {}: {} reserved, {} spent, {} unresolved", amount.nanos(), limit.nanos(),
                     account.reserved.nanos(), account.spent.nanos(), account.unresolved.nanos()));
    if (!amount.is_zero()) REQUIRE(account.held() <= limit);  // never over, whatever was booked before
  }
  void ended(Place place, Money reserved, Money spent, Money unresolved) {
    Account& account = books_[place];
    account.reserved -= reserved;
    account.spent += spent;
    account.unresolved += unresolved;
    if (spent + unresolved > reserved) account.excused = true;
  }
  void edited(std::size_t limit, Money amount) {
    for (auto& [place, account] : books_) {
      if (place.first != limit) continue;
      if (amount < account.amount) account.excused = true;
      account.amount = amount;
    }
  }
  void look() {
    for (const auto& [place, account] : books_) {
      REQUIRE_FALSE(account.reserved.is_negative());
      if (!account.excused) REQUIRE(account.held() <= account.amount);
    }
  }

 private:
  std::map<Place, Account> books_;
};

class Node {
 public:
  explicit Node(std::uint64_t seed) : random_(seed) {
    limits_.push_back(world_.limit(random_.between(50, 2'000)));
    limits_.push_back(world_.limit(random_.between(50, 2'000)));
    limits_.push_back(
        world_.limit(random_.between(100, 9'000), catalog::LimitUnit::usd, {.kind = base::WindowPolicy::Kind::month}));
    start();
  }

  void step() {
    const std::int64_t dice = random_.between(1, 1'000);
    if (dice <= 400) {
      ask();
    } else if (dice <= 500) {
      extend();
    } else if (dice <= 800) {
      end();
    } else if (dice <= 900) {
      pass_time(random_.between(0, 1'500));
    } else if (dice <= 910) {
      pass_time(random_.between(0, day_ms));
    } else if (dice <= 970) {
      trouble();
    } else if (dice <= 990) {
      edit();
    } else {
      crash();
    }
    turn();
    auditor_.look();
    compare();
  }

  // All is settled and closed: the store's books are the auditor's.
  void close() {
    calm();
    while (!open_.empty()) end();
    pass_time(1'000);  // past every deadline
    turn();
    REQUIRE(waiting_.empty());
    while (!open_.empty()) end();  // of those who were served last
    REQUIRE(world_.keeper->close().has_value());
    for (const auto& [place, account] : auditor_.books()) {
      const CounterState state = state_of(place);
      REQUIRE(state.leased == 0);
      REQUIRE(money(state.spent) == account.spent);
      REQUIRE(money(state.unresolved) == account.unresolved);
    }
  }
  std::int64_t admitted() const { return admitted_; }
  std::int64_t extended() const { return extended_; }
  std::int64_t extended_late() const { return extended_late_; }

 private:
  struct Open {
    Reservation reservation;
    std::vector<std::pair<Auditor::Place, Money>> parts;
    std::int64_t number = 0;
  };
  struct Waiting {
    World::Asked asked;
    std::optional<std::int64_t> extends = std::nullopt;  // the number of what is open
  };

  void start() { admission_.emplace(*world_.keeper); }
  std::size_t number_of(base::LimitId id) const {
    return static_cast<std::size_t>(std::ranges::find(limits_, id, &catalog::Limit::id) - limits_.begin());
  }
  CounterState state_of(Auditor::Place place) { return world_.state(limits_[place.first], {place.second}); }

  // Some of the limits, for mostly small and now and then large amounts.
  void ask() {
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < limits_.size(); ++i)
      if (random_.between(0, 3) > 0) numbers.push_back(i);
    const std::int64_t amount = random_.between(0, random_.between(0, 9) == 0 ? 1'500 : 60);
    std::vector<const catalog::Limit*> limits;
    std::vector<catalog::Limit> copies;
    for (const std::size_t i : numbers) {
      limits.push_back(&limits_[i]);
      copies.push_back(limits_[i]);
    }
    auto record = world_.record();
    if (auto fast = admission_->try_reserve(limits, usd(amount), world_.clock.wall_now(), record)) {
      take(std::move(*fast));
    } else {
      waiting_.push_back({world_.submit(copies, amount, random_.between(0, 1) * random_.between(1, 500))});
    }
  }

  // One that is open wants more, whatever the window by now.
  void extend() {
    if (open_.empty()) return;
    Open& open = open_[static_cast<std::size_t>(random_.between(0, static_cast<std::int64_t>(open_.size()) - 1))];
    const std::int64_t more = random_.between(0, random_.between(0, 9) == 0 ? 1'500 : 60);
    const base::WallTime now = world_.clock.wall_now();
    std::vector<const catalog::Limit*> limits;
    for (const catalog::Limit& limit : limits_) limits.push_back(&limit);
    if (auto fast = admission_->try_extend(open.reservation, limits, usd(more), now)) {
      grow(open, std::move(*fast));
      return;
    }
    const auto asked = std::make_shared<std::optional<Decision>>();
    admission_->extend(open.reservation, limits, usd(more), now,
                       world_.clock.now().plus_ms(random_.between(0, 1) * random_.between(1, 500)),
                       [asked](Decision decision) { asked->emplace(std::move(decision)); });
    waiting_.push_back({asked, open.number});
  }

  void grow(Open& open, Reservation::Extension extension) {
    REQUIRE(open.reservation.extend(std::move(extension)).has_value());
    for (std::size_t i = 0; i < open.parts.size(); ++i) {
      auto& [place, amount] = open.parts[i];
      const Money now = money(open.reservation.parts()[i].amount);
      if (now == amount) continue;
      auditor_.admitted(place, now - amount, money(limits_[place.first].amount));
      amount = now;
      const base::Window window = base::window_at(limits_[place.first].window, world_.clock.wall_now());
      if (window.label.ms != place.second) ++extended_late_;
    }
    ++extended_;
  }

  void take(Reservation reservation) {
    Open open{std::move(reservation), {}, admitted_};
    for (const Reservation::Part& part : open.reservation.parts()) {
      const std::size_t number = number_of(part.lease->counter().limit);
      const Auditor::Place place{number, part.lease->counter().label.ms};
      const base::Window now = base::window_at(limits_[number].window, world_.clock.wall_now());
      REQUIRE(now.label == part.lease->counter().label);
      auditor_.admitted(place, money(part.amount), money(limits_[number].amount));
      open.parts.emplace_back(place, money(part.amount));
    }
    ++admitted_;
    open_.push_back(std::move(open));
  }

  // The keeper may hold leases wherever it was asked; after a crash they are unresolved there, admitted or not.
  void open_books() {
    for (std::size_t i = 0; i < limits_.size(); ++i) {
      const base::Window window = base::window_at(limits_[i].window, world_.clock.wall_now());
      auditor_.at({i, window.label.ms}).amount = money(limits_[i].amount);
    }
  }

  void turn() {
    open_books();
    world_.keeper->turn();
    for (Waiting& waiting : std::exchange(waiting_, {})) {
      if (!waiting.asked->has_value()) {
        waiting_.push_back(std::move(waiting));
      } else if (auto* reservation = std::get_if<Reservation>(&**waiting.asked)) {
        REQUIRE(admission_->adopt(*reservation).has_value());
        take(std::move(*reservation));
      } else {
        const auto open = waiting.extends ? std::ranges::find(open_, *waiting.extends, &Open::number) : open_.end();
        if (auto* extension = std::get_if<Reservation::Extension>(&**waiting.asked)) {
          if (open != open_.end()) grow(*open, std::move(*extension));  // else it goes back
        } else if (!waiting.extends || open != open_.end()) {
          check(std::get<Refusal>(**waiting.asked), waiting.extends ? &*open : nullptr);
        }
      }
    }
  }

  // Nobody is told that a limit is reached while what is not spent or unresolved would do; who wants more, while what
  // he does not hold himself would.
  void check(const Refusal& refusal, const Open* extends) {
    for (const Shortage& shortage : refusal.shortages) {
      const Auditor::Account& account = auditor_.at({number_of(shortage.limit.id), shortage.window.label.ms});
      const Money amount = money(limits_[number_of(shortage.limit.id)].amount);
      Money taken = account.spent + account.unresolved;
      REQUIRE(money(shortage.available) <= std::max(Money::zero(), amount - taken));
      const Auditor::Place place{number_of(shortage.limit.id), shortage.window.label.ms};
      if (extends != nullptr)
        for (const auto& [held_at, held] : extends->parts)
          if (held_at == place) taken += held;
      if (&shortage == &refusal.shortages.front() && refusal.type == base::ErrorType::limit_reached)
        REQUIRE(taken + money(shortage.required) > amount);
    }
  }

  void end() {
    if (open_.empty()) return;
    std::swap(open_[static_cast<std::size_t>(random_.between(0, static_cast<std::int64_t>(open_.size()) - 1))],
              open_.back());
    Open open = std::move(open_.back());
    open_.pop_back();
    const std::int64_t dice = random_.between(1, 100);
    if (dice <= 8) {  // dropped unsent, or released
      for (const auto& [place, amount] : open.parts) auditor_.ended(place, amount, {}, {});
      if (dice <= 4) std::move(open.reservation).release();
    } else if (dice <= 14) {  // dropped after it was sent
      open.reservation.mark_sent();
      for (const auto& [place, amount] : open.parts) auditor_.ended(place, amount, {}, amount);
    } else {
      settle(std::move(open), dice);
    }
  }

  void settle(Open open, std::int64_t dice) {
    const std::int64_t reserved = open.parts.empty() ? 0 : open.parts[0].second.nanos();
    const bool overrun = dice > 94;
    const std::int64_t spent = overrun ? reserved + random_.between(1, 80) : random_.between(0, reserved);
    const Certainty certainty = dice <= 30 ? Certainty::at_least : Certainty::exact;
    for (const auto& [place, amount] : open.parts) {
      const Money rest = amount - std::min(amount, money(spent));
      auditor_.ended(place, amount, money(spent), certainty == Certainty::at_least ? rest : Money::zero());
    }
    open.reservation.mark_sent();
    std::move(open.reservation).settle(usd(spent), certainty);
  }

  void pass_time(std::int64_t ms) { world_.clock.advance_ms(ms); }

  void calm() { world_.store.on_read = world_.store.on_grant = world_.store.on_flush = Answer::given; }
  void trouble() {
    calm();
    if (random_.between(0, 2) > 0) return;
    world_.store.on_read = random_.between(0, 3) == 0 ? Answer::refused : Answer::given;
    world_.store.on_grant = random_.between(0, 3) == 0 ? Answer::refused : Answer::given;
    world_.store.on_flush = static_cast<Answer>(random_.between(0, 2));
  }

  void edit() {
    const auto number = static_cast<std::size_t>(random_.between(0, 2));
    const std::int64_t amount = random_.between(0, 3'000);
    world_.change(limits_[number], amount);
    auditor_.edited(number, money(amount));
  }

  // The process goes without a word. What it held and the store did not hear of is unresolved from here on.
  void crash() {
    calm();
    waiting_.clear();
    admission_.reset();
    open_.clear();  // what they say is lost with the keeper's queue
    world_.restart();
    start();
    for (auto& [place, account] : auditor_.books()) {
      const CounterState state = state_of(place);
      const Money known = money(state.spent) + money(state.unresolved);
      REQUIRE(state.leased == 0);
      REQUIRE(money(state.spent) <= account.spent);  // nothing invented
      if (!account.excused) {
        REQUIRE(known >= account.held());  // nothing lost
        REQUIRE(known <= account.amount);
      }
      account.spent = money(state.spent);
      account.unresolved = money(state.unresolved);
      account.reserved = Money::zero();
    }
  }

  // Where nothing is on its way, the store says what the auditor says.
  void compare() {
    if (world_.keeper->health().unflushed > 0) return;
    for (const auto& [place, account] : auditor_.books()) {
      const CounterState state = state_of(place);
      REQUIRE(money(state.leased) >= account.reserved);
      REQUIRE(money(state.spent) <= account.spent);
      REQUIRE(money(state.unresolved) <= account.unresolved);
    }
  }

  tests::SeededRandom random_;
  World world_;
  std::vector<catalog::Limit> limits_;
  std::optional<Admission> admission_;
  std::vector<Waiting> waiting_;
  std::vector<Open> open_;
  Auditor auditor_;
  std::int64_t admitted_ = 0;
  std::int64_t extended_ = 0;
  std::int64_t extended_late_ = 0;  // of them, in a window that was over
};

}  // namespace

TEST_CASE("whatever happens to a node, nothing is admitted over a limit, and nothing is lost or invented") {
  std::int64_t admitted = 0, extended = 0, extended_late = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    Node node(seed);
    for (int step = 0; step < 400; ++step) {
      CAPTURE(step);
      node.step();
    }
    node.close();
    admitted += node.admitted();
    extended += node.extended();
    extended_late += node.extended_late();
  }
  CHECK(admitted > 3'000);
  CHECK(extended > 500);
  CHECK(extended_late > 10);
}
