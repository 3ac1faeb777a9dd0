#include "quota/reservation.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "quota/scribe.h"

namespace quota {

std::int64_t Amounts::in(const catalog::Unit& unit) const {
  if (unit != catalog::LimitUnit::named) return in(catalog::LimitUnit(unit));
  const auto found = std::ranges::find(weights, unit.name(), &Weight::unit);
  return found == weights.end() ? 0 : found->weight;
}

std::int64_t Amounts::in(catalog::LimitUnit unit) const {
  switch (unit) {
    case catalog::LimitUnit::usd: return usd.nanos();
    case catalog::LimitUnit::tokens: return input_tokens + output_tokens;
    case catalog::LimitUnit::requests: return requests;
    case catalog::LimitUnit::input_tokens: return input_tokens;
    case catalog::LimitUnit::output_tokens: return output_tokens;
    case catalog::LimitUnit::named: break;
  }
  return 0;
}

namespace {

// Takes what one slice of a balance pays off what is left of the charge.
std::int64_t burnt(std::int64_t& charge, std::int64_t at_most) {
  const std::int64_t paid = std::min(charge, at_most);
  charge -= paid;
  return paid;
}

// What a limit counts of a call that has ended.
std::int64_t counted(const Amounts& actual, const Reservation::Part& part) {
  if (part.unit != catalog::LimitUnit::named) return actual.in(part.unit);
  return actual.requests > 0 && !actual.unbilled ? part.weight : 0;
}

// The slices of a balance come last.
Reservation::Parts::iterator after_limits(Reservation::Parts& parts) {
  return std::ranges::find_if(parts, &Reservation::Part::of_balance);
}

}  // namespace

Reservation::Extension::Extension(Parts parts) : parts_(std::move(parts)) {
  for (const Part& part : parts_) {
    ASSERT(part.lease != nullptr && part.amount >= 0);
    part.lease->note_reserved(part.amount);
  }
}

Reservation::Extension::~Extension() {
  for (const Part& part : parts_) part.lease->take_off(part.amount);
}

Reservation::Reservation(SettleQueue& queue, std::unique_ptr<events::UsageRecord> record, Parts parts)
    : queue_(&queue), record_(std::move(record)), parts_(std::move(parts)) {
  ASSERT(record_ != nullptr);
  for (const Part& part : parts_) {
    ASSERT(part.lease != nullptr && part.amount >= 0);
    part.lease->note_reserved(part.amount);
  }
}

Reservation::Reservation(Reservation&& other) noexcept
    : queue_(other.queue_),
      record_(std::move(other.record_)),
      parts_(std::move(other.parts_)),
      scribe_(other.scribe_),
      entry_(std::move(other.entry_)),
      state_(std::exchange(other.state_, State::ended)) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  if (this == &other) return *this;
  drop();
  queue_ = other.queue_;
  record_ = std::move(other.record_);
  parts_ = std::move(other.parts_);
  scribe_ = other.scribe_;
  entry_ = std::move(other.entry_);
  state_ = std::exchange(other.state_, State::ended);
  return *this;
}

Reservation::~Reservation() { drop(); }

void Reservation::drop() {
  if (state_ == State::ended) return;
  record_->outcome = events::Outcome::failed;
  // Unsent: nothing is owed. Sent: nothing is known of the cost, so all of it stays held and the request is counted.
  if (state_ == State::open) {
    end({}, meter::Certainty::exact);
  } else {
    end({.requests = 1}, meter::Certainty::at_least);
  }
}

void Reservation::entered(Scribe& scribe, journal::OpenRecord open) {
  ASSERT(state_ == State::open && !entry_);
  scribe_ = &scribe;
  entry_.emplace(std::move(open));
}

bool Reservation::counts_on(const CounterKey& counter) const {
  return std::ranges::any_of(parts_, [&](const Part& part) { return part.lease->counter() == counter; });
}

base::Status Reservation::join(TakenOn taken_on) {
  ASSERT(state_ == State::open && !entry_);
  Part& part = taken_on.part_;
  const base::Window& span = part.lease->span();
  if (record_->started < span.start || counts_on(part.lease->counter())) return {};
  if (!span.contains(record_->started))
    return base::fail(base::ErrorType::unavailable,
                      "a limit came into force while this call waited, and its window has turned since; send it again",
                      {}, base::Source::gateway);
  part.sub_window = part.lease->sub_window(record_->started);
  parts_.insert(after_limits(parts_), std::move(part));
  return {};
}

base::Status Reservation::take_on(Part part) {
  ASSERT(state_ != State::ended && part.lease != nullptr && part.amount >= 0);
  if (counts_on(part.lease->counter())) return {};
  part.lease->take_on(part.amount);
  const auto added = parts_.insert(after_limits(parts_), std::move(part));
  if (!entry_) return {};
  base::Status written = scribe_->extend(*entry_, *record_, parts_);
  if (written) return {};
  added->lease->take_off(added->amount);
  parts_.erase(added);
  return written;
}

base::Status Reservation::extend(Extension more) {
  ASSERT(state_ != State::ended);
  Parts grown = parts_;
  for (const Part& part : more.parts_) {
    const auto held = std::ranges::find(grown, part.lease, &Part::lease);
    if (held != grown.end()) {
      held->amount += part.amount;
    } else {
      ASSERT(part.of_balance);  // a grant that it has not touched yet
      grown.push_back(part);
    }
  }
  if (entry_) TRY_STATUS(scribe_->extend(*entry_, *record_, grown));
  parts_ = std::move(grown);
  more.parts_.clear();
  return {};
}

std::optional<journal::Position> Reservation::journal_position() const {
  return entry_ ? std::optional(entry_->position()) : std::nullopt;
}

void Reservation::mark_sent() {
  ASSERT(state_ != State::ended);
  state_ = State::sent;
}

void Reservation::mark_unsent() {
  ASSERT(state_ == State::sent);
  state_ = State::open;
}

void Reservation::settle(const Amounts& actual, meter::Certainty certainty) && {
  ASSERT(state_ != State::ended);
  end(actual, certainty);
}

void Reservation::release() && {
  ASSERT(state_ != State::ended);
  end({}, meter::Certainty::exact);
}

void Reservation::end(const Amounts& actual, meter::Certainty certainty) {
  ASSERT(!actual.usd.is_negative() && !actual.charge.is_negative() && actual.input_tokens >= 0 &&
         actual.output_tokens >= 0 && actual.requests >= 0);
  state_ = State::ended;
  record_->cost = actual.usd;
  record_->holds.clear();
  record_->holds.reserve(parts_.size());
  std::int64_t charge = actual.charge.nanos();  // what the balance has not paid yet
  for (const Part& part : parts_) {
    Lease& lease = *part.lease;
    events::Hold hold{.limit = lease.counter().limit,
                      .label = lease.counter().label,
                      .sub_window = part.sub_window,
                      .lease_epoch = lease.epoch()};
    hold.spent =
        part.of_balance ? burnt(charge, &part == &parts_.back() ? charge : part.amount) : counted(actual, part);
    hold.reserved = part.amount;
    // An overrun is paid from what is free as far as that goes; what is missing is booked beyond the lease.
    if (hold.spent > hold.reserved) hold.reserved += lease.take_up_to(hold.spent - hold.reserved);
    if (hold.spent > hold.reserved) lease.note_overdrawn();
    if (certainty == meter::Certainty::at_least)
      hold.unresolved = std::max<std::int64_t>(0, hold.reserved - hold.spent);
    lease.note_settled(part.amount, hold.spent, hold.unresolved);
    record_->holds.push_back(hold);
  }
  // Written before anything goes back: what another exchange takes must not be open here any more.
  JournalMark mark;
  if (entry_) mark = scribe_->settle(std::move(*entry_), *record_);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const events::Hold& hold = record_->holds[i];
    if (const std::int64_t rest = hold.reserved - hold.spent - hold.unresolved; rest > 0) parts_[i].lease->give(rest);
  }
  parts_.clear();
  entry_.reset();
  queue_->push({std::move(record_), mark});
}

}  // namespace quota
