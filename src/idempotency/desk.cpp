#include "idempotency/desk.h"

#include "base/assert.h"
#include "base/log.h"

namespace idempotency {

std::string_view to_string(State state) noexcept {
  switch (state) {
    case State::in_flight: return "in_flight";
    case State::kept: return "kept";
    case State::not_kept: return "not_kept";
    case State::unknown: return "unknown";
  }
  return "unknown";
}

Claim::Claim(Claim&& other) noexcept
    : desk_(std::exchange(other.desk_, nullptr)), name_(other.name_), exchange_(other.exchange_), sent_(other.sent_) {}

Claim& Claim::operator=(Claim&& other) noexcept {
  if (this == &other) return *this;
  drop();
  desk_ = std::exchange(other.desk_, nullptr);
  name_ = other.name_;
  exchange_ = other.exchange_;
  sent_ = other.sent_;
  return *this;
}

void Claim::drop() {
  if (desk_ == nullptr) return;
  if (!sent_) {
    std::move(*this).free();
    return;
  }
  Desk& desk = *std::exchange(desk_, nullptr);
  desk.run_([&desk, name = name_, exchange = exchange_] {
    desk.end(name, [&] { return desk.store_.finish(name, exchange, State::unknown, std::nullopt); });
  });
}

void Claim::keep(KeptReply reply) && {
  ASSERT(desk_ != nullptr && sent_);
  Desk& desk = *std::exchange(desk_, nullptr);
  desk.run_([&desk, name = name_, exchange = exchange_, kept = std::optional(std::move(reply))] {
    desk.end(name, [&] { return desk.store_.finish(name, exchange, State::kept, kept); });
  });
}

void Claim::not_kept() && {
  ASSERT(desk_ != nullptr && sent_);
  Desk& desk = *std::exchange(desk_, nullptr);
  desk.run_([&desk, name = name_, exchange = exchange_] {
    desk.end(name, [&] { return desk.store_.finish(name, exchange, State::not_kept, std::nullopt); });
  });
}

void Claim::free() && {
  ASSERT(desk_ != nullptr);
  Desk& desk = *std::exchange(desk_, nullptr);
  desk.run_([&desk, name = name_, exchange = exchange_] { desk.free_now(name, exchange); });
}

void Desk::claim(const ClaimRequest& request, WhileInFlight in_flight, std::function<void(Answer)> answered) {
  run_([this, request, in_flight, answered = std::move(answered)] { claim_now(request, in_flight, answered); });
}

void Desk::claim_now(const ClaimRequest& request, WhileInFlight in_flight, std::function<void(Answer)> answered) {
  // First, or a key might be told to be in flight by which nothing is sent any more. And while the store does not
  // answer there is nothing more to owe.
  if (auto freed = free_owed(); !freed) return answered(std::unexpected(std::move(freed).error()));
  auto found = store_.claim(request);
  if (!found) {
    to_free_.emplace_back(request.name, request.exchange);  // it may be claimed all the same
    return answered(std::unexpected(std::move(found).error()));
  }
  if (!*found) return answered(Claim(*this, request.name, request.exchange));
  Standing& standing = **found;
  if (standing.state == State::in_flight && standing.same_request && in_flight == WhileInFlight::wait) {
    waiters_[request.name].push_back({request, std::move(answered)});
    return;
  }
  answered(std::move(standing));
}

void Desk::free_now(const Name& name, base::ExchangeId exchange) {
  end(name, [&] {
    auto freed = store_.free(name, exchange);
    if (!freed) to_free_.emplace_back(name, exchange);
    return freed;
  });
}

base::Status Desk::free_owed() {
  while (!to_free_.empty()) {
    TRY_STATUS(store_.free(to_free_.back().first, to_free_.back().second));
    to_free_.pop_back();
  }
  return {};
}

void Desk::end(const Name& name, const std::function<base::Status()>& write) {
  // Not written, what was sent stays in flight for this process and is unknown to the next: closed, never open.
  if (const auto written = write(); !written)
    base::log::error("what became of a call with an Idempotency-Key could not be written: {}", written.error().message);
  // Those who wait ask again, in their order: the first of them may send its call, and the others go on waiting.
  auto waiting = waiters_.extract(name);
  if (!waiting) return;
  for (Waiter& waiter : waiting.mapped()) claim_now(waiter.request, WhileInFlight::wait, std::move(waiter.answered));
}

}  // namespace idempotency
