#include "tests/sim/process.h"
#include "base/assert.h"

#include <algorithm>

namespace sim {
namespace {

Money money(std::int64_t amount) { return Money::from_nanos(amount); }

}  // namespace

Process::Process(Surroundings& around, quota::KeeperOptions options, std::size_t workers, View view,
                 quota::Journals journals)
    : around_(around), journal_(std::move(journals.journal)), desk_(around.link, [this](std::function<void()> work) {
        if (!gone_) keeper_->run(std::move(work));
      }) {
  // The store thread sleeps until it is woken or due; run_and_wait() sleeps until it has run.
  keeper_ = std::make_unique<quota::Keeper>(
      around_.link, around_.clock, options,
      [this] {
        woken_ = true;
        if (std::exchange(waiting_for_it_, false)) turn();
      },
      journal_.get(), around_.clock.of_fleet());
  watch_keys();
  around_.bells = {.prepare = [this] { keeper_->prepare_journal(); },
                   .commit = [this](std::uint32_t worker) { to_commit_.insert(worker); },
                   .durable = [this](std::uint32_t worker) { to_resume_.insert(worker); }};
  for (std::size_t i = 0; i < workers; ++i) {
    const auto number = static_cast<std::uint32_t>(i);
    auto scribe = journal_ ? std::make_unique<quota::Scribe>(journal_->writer(number), number) : nullptr;
    workers_.emplace_back(*keeper_, std::move(scribe), view);
  }
}

Process::~Process() {
  gone_ = true;
  around_.bells = {};
}

Place Process::place_of(const quota::CounterKey& counter) const {
  return {.limit = around_.numbers.at(counter.limit), .label = label_of(counter)};
}

// --- workers -------------------------------------------------------------------------------------------------------

std::unique_ptr<events::UsageRecord> Process::record_of(int number, const quota::Amounts& bound) {
  Dice dice(static_cast<std::uint64_t>(number));
  auto record = std::make_unique<events::UsageRecord>();
  record->id = base::ExchangeId::create(around_.clock.wall_now(), dice);
  record->started = around_.clock.wall_now();
  record->account = around_.account;
  record->upstream = "upstream";
  record->model = model_of(number);
  record->estimate = bound.usd;
  around_.exchanges.emplace(record->id, number);
  return record;
}

void Process::ask(Dice& dice) {
  if (dice.once_in(10)) return ask_with_key(dice);
  reserve({.number = around_.next_exchange++,
           .worker = static_cast<std::size_t>(dice.between(0, std::ssize(workers_) - 1))},
          dice);
}

void Process::reserve(Exchange exchange, Dice& dice) {
  Worker& at = workers_[exchange.worker];
  const View view = at.view;  // an exchange keeps the catalog it began with
  const auto balance = view->balance();
  const Key& key = dice.any_of(view->keys);
  Key wanted;
  for (const SeenLimit& limit : key)
    if (!dice.once_in(8) && limit.applies_to(exchange.number)) wanted.push_back(limit);
  const std::int64_t most = dice.once_in(12) ? 2'000 : 60;
  const std::int64_t usd = dice.between(0, most) * around_.coin;
  quota::Amounts amounts = amounts_of(usd, dice.between(0, most), 1);
  amounts.charge = quota::charge_of(amounts.usd, balance ? &*balance : nullptr);

  ++around_.figures.exchanges;
  exchange.balance = balance_want(*view, amounts);
  exchange.view = view;
  exchange.asked_at_ms = around_.clock.early_ms();
  exchange.bound = amounts;
  std::vector<const catalog::Limit*> limits;
  for (const SeenLimit& limit : wanted) {
    const std::int64_t held = limit.limit.leased() ? amounts.in(limit.limit.unit) : 0;
    exchange.wants.push_back({limit.number, money(held)});
    limits.push_back(&limit.limit);
  }
  around_.trace.say("  exchange {} asks for {} usd, {} tokens on {} limits", exchange.number, amounts.usd.nanos(),
                    tokens_of(amounts), limits.size());
  check_remaining(at, wanted);
  auto record = record_of(exchange.number, amounts);
  if (auto fast =
          at.admission.try_reserve(limits, amounts, around_.clock.wall_now(), record, balance ? &*balance : nullptr)) {
    ++around_.figures.admitted_fast;
    check_admitted(exchange, *fast);
    if (journal_) around_.auditor.entered(exchange.number);
    exchange.reservation.emplace(std::move(*fast));
    under_way_.push_back(std::move(exchange));
  } else {
    submit(std::move(exchange), wanted, amounts, dice.between(0, 1) * dice.between(1, 1'000));
  }
}

void Process::submit(Exchange exchange, const Key& wanted, const quota::Amounts& amounts, std::int64_t wait_ms) {
  ++undecided_;
  exchange.bound = amounts;
  const std::int64_t now_ms = around_.clock.early_ms();
  waiting_.emplace(exchange.number, Waiting{exchange.worker, exchange.view->home, amounts, now_ms});
  std::vector<const catalog::Limit*> limits;
  for (const SeenLimit& limit : wanted) limits.push_back(&limit.limit);
  quota::Admission& admission = workers_[exchange.worker].admission;
  const auto record = record_of(exchange.number, amounts);
  std::optional<base::QuoteId> redeems;
  if (exchange.quote) {
    const ToldQuote& told = around_.quotes[static_cast<std::size_t>(*exchange.quote)];
    redeems = told.id;
    if (!exchange.of_another_key) record->key = told.key;
  }
  const auto balance = exchange.balance ? exchange.view->balance() : std::nullopt;
  const auto shared = std::make_shared<Exchange>(std::move(exchange));
  admission.reserve(
      limits, amounts, around_.clock.wall_now(), around_.clock.now().plus_ms(wait_ms), *record,
      [this, shared](quota::Decision decision) { decided(std::move(*shared), std::move(decision)); },
      balance ? &*balance : nullptr, redeems);
}

void Process::decided(Exchange exchange, quota::Decision decision) {
  --undecided_;
  if (auto* reservation = std::get_if<quota::Reservation>(&decision)) {
    ++around_.figures.admitted_slow;
    if (exchange.quote) {
      ++around_.figures.quotes_redeemed;
      around_.auditor.redeemed(*exchange.quote, exchange.number, exchange.of_another_key,
                               reservation->record().started.ms);
    }
    check_admitted(exchange, *reservation);
  } else {
    check_refused(exchange, std::get<quota::Refusal>(decision));
  }
  inbox_.push_back({std::move(exchange), std::move(decision)});
}

void Process::check_admitted(const Exchange& exchange, quota::Reservation& reservation) {
  std::vector<Taking> takings;
  for (const quota::Reservation::Part& part : reservation.parts()) {
    const auto& span = part.lease->span();
    if (part.amount > 0 && around_.expired(part.lease->counter(), part.lease->epoch()))
      throw Violation(fmt::format("exchange {} was admitted on a lease that has expired", exchange.number));
    takings.push_back({.place = place_of(part.lease->counter()),
                       .span = {.start = span.start.ms, .end = span.end.ms},
                       .amount = money(part.amount),
                       .of_balance = part.of_balance,
                       .epoch = part.lease->epoch()});
    around_.trace.say("  exchange {} holds {} of limit {} window {}", exchange.number, part.amount,
                      takings.back().place.limit, takings.back().place.label);
  }
  const std::int64_t from = std::min(exchange.asked_at_ms, around_.clock.early_ms());
  auto balance = exchange.balance;
  if (balance) balance->store_failed = around_.link.failures != failures_before_;
  around_.auditor.admitted(exchange.number, around_.node, exchange.wants, takings,
                           {.start = from, .end = around_.clock.late_ms()}, balance, exchange.quote);
  around_.auditor.began(exchange.number, {.stamp_ms = reservation.record().started.ms,
                                          .model = reservation.record().model,
                                          .bound = exchange.bound.usd,
                                          .home = exchange.view->home});
}

void Process::check_refused(const Exchange& exchange, const quota::Refusal& refusal) {
  around_.trace.say("  exchange {} is refused: {}", exchange.number, base::to_string(refusal.type));
  if (exchange.quote && refusal.type == base::ErrorType::quote_not_usable) return check_unusable(exchange);
  // Of a limit or a grant that stands above its amount what comes back in the middle of a redemption is nobody's yet.
  if (exchange.quote && refusal.type == base::ErrorType::unavailable &&
      around_.auditor.excused_any(exchange.wants, exchange.balance)) {
    ++around_.figures.unavailable;
    return;
  }
  check_refusal(refusal, exchange.balance);
}

void Process::check_refusal(const quota::Refusal& refusal, const std::optional<BalanceWant>& balance,
                            const std::map<Place, Money>& own) {
  std::vector<Auditor::Shortage> shortages;
  std::optional<Money> of_balance;
  for (const quota::Shortage& shortage : refusal.shortages) {
    if (shortage.markup) {
      of_balance = money(shortage.required);
      continue;
    }
    const quota::CounterKey counter = counter_of(shortage.limit, shortage.window.start);
    const auto held = own.find(place_of(counter));
    shortages.push_back({place_of(counter), money(shortage.required), money(shortage.available),
                         held == own.end() ? Money::zero() : held->second});
  }
  for (const quota::Shortage& shortage : refusal.shortages)
    around_.trace.say("    {} wanted, {} available, {} allowed", shortage.required, shortage.available,
                      shortage.amount);
  switch (refusal.type) {
    case base::ErrorType::limit_reached:
      ++around_.figures.reached;
      return around_.auditor.refused_as_reached(around_.node, shortages);
    case base::ErrorType::limit_busy:
      ++around_.figures.busy;
      if (of_balance && around_.auditor.balance_in_the_way(around_.node, *balance, *of_balance)) return;
      return around_.auditor.refused_as_busy(around_.node, shortages);
    case base::ErrorType::insufficient_balance:
      ++around_.figures.insufficient;
      return around_.auditor.refused_as_insufficient(around_.node, *balance, *of_balance);
    case base::ErrorType::unavailable:
      ++around_.figures.unavailable;
      if (balance && around_.auditor.lost_of_balance()) return;  // see "Known, and let pass"
      if (around_.link.failures == failures_before_ && keeper_->admitting() && !closing_ && !abandoning_ &&
          !around_.is_fleet)
        throw Violation("false refusal: unavailable, and the store answers: " + refusal.reason);
      return;
    default: throw Violation("a refusal of another type: " + std::string(base::to_string(refusal.type)));
  }
}

// What a reply's headers say is left.
void Process::check_remaining(const Worker& worker, const Key& wanted) {
  if (around_.is_fleet) return;  // what others have spent is heard of later
  const base::WallTime now = around_.clock.wall_now();
  for (const SeenLimit& limit : wanted) {
    const auto remaining = worker.admission.remaining(limit.limit, now);
    const Place place = place_of(counter_of(limit.limit, now));
    if (remaining && money(*remaining) > around_.auditor.left_at_most(place))
      throw Violation(fmt::format("limit {} window {}: {} is said to remain, and {} does", place.limit, place.label,
                                  *remaining, around_.auditor.left_at_most(place).nanos()));
  }
}

void Process::answer(Dice& dice) {
  if (dice.once_in(2) && answer_key(dice)) return;
  if (!extensions_.empty() && (inbox_.empty() || dice.once_in(2))) return answer_extension(dice);
  if (inbox_.empty()) return;
  Answer answer = std::move(inbox_.front());
  inbox_.pop_front();
  Exchange& exchange = answer.exchange;
  const base::Status joined = join_taken_on(exchange, answer.decision);
  if (auto* reservation = std::get_if<quota::Reservation>(&answer.decision)) {
    // A limit that came into force is not certain to count it, or the journal has no room.
    if (!joined || !workers_[exchange.worker].admission.adopt(*reservation)) {
      ++around_.figures.unwritten;
      around_.trace.say("  exchange {} cannot be written down", exchange.number);
      around_.auditor.ended(exchange.number);
      return end_key(exchange, KeyEnd::drop);
    }
    if (journal_) around_.auditor.entered(exchange.number);
    exchange.reservation.emplace(std::move(*reservation));
    if (dice.once_in(20)) {  // the client has gone meanwhile
      ++around_.figures.abandoned;
      around_.auditor.ended(exchange.number);
      return end_key(exchange, KeyEnd::drop);
    }
    under_way_.push_back(std::move(exchange));
  } else {
    auto record = record_of(exchange.number, exchange.bound);
    record->outcome = events::Outcome::refused;
    keeper_->push(std::move(record));
    end_key(exchange, KeyEnd::drop);  // before the client knows: it may send the call again
  }
}

Process::Exchange Process::take_any(Dice& dice) {
  Exchange& chosen = dice.any_of(under_way_);
  std::swap(chosen, under_way_.back());
  Exchange exchange = std::move(under_way_.back());
  under_way_.pop_back();
  return exchange;
}

void Process::go_on(Dice& dice) {
  if (under_way_.empty()) return;
  Exchange exchange = take_any(dice);
  quota::Reservation& reservation = *exchange.reservation;
  if (reservation.sent()) {
    // What came with the extension may go on from here.
    if (workers_[exchange.worker].admission.durable(reservation)) around_.auditor.relayed(exchange.number);
    if (dice.once_in(30)) {  // not one byte got away
      reservation.mark_unsent();
      around_.auditor.sent(exchange.number, false);
      around_.trace.say("  exchange {} was not sent after all", exchange.number);
      under_way_.push_back(std::move(exchange));
    } else {
      end_sent(std::move(exchange), dice);
    }
  } else if (dice.once_in(10)) {
    end_unsent(std::move(exchange), dice);
  } else if (!may_leave(exchange)) {
    under_way_.push_back(std::move(exchange));
    if (dice.once_in(3)) write_through();
  } else {
    if (exchange.claim) {
      exchange.claim->mark_sent();
      exchange.claim_is_sent = true;
      around_.auditor.keys().sent(exchange.call);
    }
    reservation.mark_sent();
    around_.auditor.sent(exchange.number, true);
    around_.trace.say("  exchange {} is sent", exchange.number);
    under_way_.push_back(std::move(exchange));
  }
}

// Not before its reservation survives what the journal is for.
bool Process::may_leave(Exchange& exchange) {
  quota::Admission& admission = workers_[exchange.worker].admission;
  if (admission.durable(*exchange.reservation)) return true;
  if (!std::exchange(exchange.waits_for_disk, true)) admission.when_durable(*exchange.reservation, [](base::Status) {});
  return false;
}

void Process::write_through() {
  for (const std::uint32_t worker : std::exchange(to_commit_, {})) (void)journal_->commit(worker);
  for (const std::uint32_t worker : std::exchange(to_resume_, {})) journal_->writer(worker).resume();
}

void Process::end_unsent(Exchange exchange, Dice& dice) {
  around_.auditor.ended(exchange.number);
  end_key(exchange, KeyEnd::free);
  if (dice.once_in(2)) {
    ++around_.figures.released;
    around_.trace.say("  exchange {} is released", exchange.number);
    exchange.reservation->record().outcome = events::Outcome::failed;
    std::move(*exchange.reservation).release();
  } else {
    ++around_.figures.dropped_unsent;
    around_.trace.say("  exchange {} is dropped unsent", exchange.number);
  }
}

void Process::end_sent(Exchange exchange, Dice& dice) {
  const std::int64_t kind = dice.between(1, 100);
  if (kind <= 8) {  // no answer, or one that says nothing: all of it may be owed
    ++around_.figures.dropped_sent;
    around_.trace.say("  exchange {} is dropped after sending", exchange.number);
    std::vector<Booking> bookings;
    for (const quota::Reservation::Part& part : exchange.reservation->parts()) {
      if (part.of_balance) continue;
      const bool counted = part.unit == catalog::LimitUnit::requests;  // it was made, whatever came of it
      bookings.push_back({.spent = money(counted ? 1 : 0), .unresolved = money(counted ? 0 : part.amount)});
    }
    around_.auditor.ended(exchange.number, {}, bookings, Auditor::Known::at_least);
    return end_key(exchange, KeyEnd::drop);
  }
  if (kind <= 11) {  // a definite refusal of the provider: nothing is owed
    ++around_.figures.released;
    around_.trace.say("  exchange {} is released after sending", exchange.number);
    around_.auditor.ended(exchange.number);
    exchange.reservation->record().outcome = events::Outcome::failed;
    std::move(*exchange.reservation).release();
    return end_key(exchange, KeyEnd::free);
  }
  std::int64_t usd = dice.between(0, 60);
  std::int64_t tokens = dice.between(0, 60);
  for (const quota::Reservation::Part& part : exchange.reservation->parts())
    if (part.amount > 0 && !part.of_balance) (part.unit == catalog::LimitUnit::usd ? usd : tokens) = part.amount;
  if (kind > 94) {  // more than was thought possible
    const std::int64_t most = dice.once_in(5) ? 5'000 : 80;
    usd += dice.between(0, most) * around_.coin;
    tokens += dice.between(0, most);
  } else if (kind > 30) {
    usd = dice.between(0, usd);
    tokens = dice.between(0, tokens);
  }
  const auto certainty = kind % 5 == 0 ? meter::Certainty::at_least : meter::Certainty::exact;
  // Its reply is whole, too large, or its client has gone in the middle of it.
  end_key(exchange, kind % 7 == 0 ? KeyEnd::too_large : kind % 7 == 1 ? KeyEnd::drop : KeyEnd::keep);
  settle(std::move(exchange), amounts_of(usd, tokens, 1), certainty);
}

void Process::settle(Exchange exchange, quota::Amounts actual, meter::Certainty certainty) {
  const auto balance = exchange.balance ? exchange.view->balance() : std::nullopt;
  actual.charge = quota::charge_of(actual.usd, balance ? &*balance : nullptr);
  ++(certainty == meter::Certainty::exact ? around_.figures.exact : around_.figures.at_least);
  around_.trace.say("  exchange {} settles {} usd, {} tokens, {}", exchange.number, actual.usd.nanos(),
                    tokens_of(actual), certainty == meter::Certainty::exact ? "exactly" : "at least");
  std::vector<Booking> bookings;
  bool overrun = false;
  for (const quota::Reservation::Part& part : exchange.reservation->parts()) {
    if (part.of_balance) continue;
    const Money spent = money(actual.in(part.unit));
    const Money rest = std::max(Money::zero(), money(part.amount) - spent);
    overrun = overrun || (part.amount > 0 && spent > money(part.amount));
    bookings.push_back({.spent = spent, .unresolved = certainty == meter::Certainty::at_least ? rest : Money::zero()});
  }
  if (overrun) ++around_.figures.overruns;
  around_.auditor.ended(exchange.number, actual.usd, bookings,
                        certainty == meter::Certainty::at_least ? Auditor::Known::at_least : Auditor::Known::all,
                        money(tokens_of(actual)));
  exchange.reservation->record().usage =
      meter::Usage{.input_tokens = tokens_of(actual), .output_tokens = 0, .certainty = certainty};
  std::move(*exchange.reservation).settle(actual, certainty);
}

void Process::any_act(Dice& dice) {
  ++around_.figures.meanwhile;
  switch (dice.between(0, 4)) {
    case 0: return ask(dice);
    case 1: return answer(dice);
    case 2: return extend(dice);
    default: return go_on(dice);
  }
}

void Process::finish_all(Dice& dice) {
  finish_keys(dice);
  while (!inbox_.empty() || !extensions_.empty()) answer(dice);
  while (!under_way_.empty()) go_on(dice);
  write_through();
}

bool Process::ask_alone(const SeenLimit& limit, std::int64_t amount) {
  const quota::Amounts amounts = amounts_of(amount, amount, amount);
  Exchange exchange{.number = around_.next_exchange++,
                    .worker = 0,
                    .wants = {{limit.number, money(amount)}},
                    .view = workers_.front().view,
                    .asked_at_ms = around_.clock.early_ms()};
  submit(std::move(exchange), {limit}, amounts, 0);
  return decided_alone();
}

bool Process::decided_alone() {
  turn();
  if (inbox_.empty()) turn();  // of a balance the store is asked again where it knew better
  if (inbox_.empty()) throw Violation("not live: the keeper was asked, and did not decide");
  Answer answer = std::move(inbox_.front());
  inbox_.pop_front();
  waiting_.erase(answer.exchange.number);
  if (!std::holds_alternative<quota::Reservation>(answer.decision)) return false;
  around_.auditor.ended(answer.exchange.number);
  auto& reservation = std::get<quota::Reservation>(answer.decision);
  reservation.record().outcome = events::Outcome::failed;
  std::move(reservation).release();
  return true;
}

// --- the store thread and the control thread -------------------------------------------------------------------------

void Process::turn() {
  const auto at = due();
  if (turning_ || !at || *at > around_.clock.now()) return;
  turning_ = true;
  woken_ = false;
  failures_before_ = around_.link.failures;
  around_.auditor.begin_look(around_.node);
  due_ = keeper_->turn();
  turning_ = false;
}

base::Status Process::on_store_thread(const std::function<base::Status()>& work) {
  base::Status status;
  waiting_for_it_ = true;
  keeper_->run_and_wait([&] { status = work(); });
  return status;
}

void Process::limit_changed(base::LimitId limit) {
  waiting_for_it_ = true;
  keeper_->limit_changed(limit);
}

void Process::read_numbers(Dice& dice) {
  const Key& key = dice.any_of(workers_.front().view->keys);
  std::vector<catalog::Limit> limits;
  for (const SeenLimit& limit : key) limits.push_back(limit.limit);
  const int acts = static_cast<int>(around_.figures.meanwhile);
  waiting_for_it_ = true;
  const auto numbers = keeper_->numbers(limits);
  if (!numbers) return;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const quota::FiveNumbers& five = (*numbers)[i];
    around_.auditor.look_at_five(around_.node, place_of(counter_of(limits[i], five.window.start)),
                                 {.amount = money(five.amount),
                                  .available = money(five.available),
                                  .reserved = money(five.reserved),
                                  .unresolved = money(five.unresolved),
                                  .spent = money(five.spent)},
                                 acts == static_cast<int>(around_.figures.meanwhile));
  }
}

base::Status Process::close() {
  closing_ = true;
  for (const auto& keyed : std::exchange(keyed_, {})) answer_key(*keyed, nullptr);
  for (auto& [number, waiting] : waiting_) {  // who has asked has gone
    waiting.taken_on.clear();
    around_.auditor.joined(number, {}, false);
  }
  return keeper_->close();
}

}  // namespace sim
