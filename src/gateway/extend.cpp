// A stream that goes on beyond its output cap: the provider ignores what it was told. What has come is counted from
// above, by its bytes, and nothing of it goes on that is not paid for: more is reserved ahead, one store deadline's
// worth of tokens, and where nothing more is to be had the stream is cut (docs/internals/life_of_a_request.md).
//
// A stream is here only when its chunks prove that it is beyond: each of them is at least one token.
#include <algorithm>

#include <fmt/format.h>

#include "gateway/allowed.h"
#include "gateway/estimate.h"
#include "gateway/exchange.h"

namespace gateway {
namespace {

using base::ErrorType;
using base::Source;

// What the whole takes more than a part of it. The request and its input are paid for.
quota::Amounts more_than(const quota::Amounts& part, const quota::Amounts& whole) {
  return {.usd = whole.usd - part.usd,
          .input_tokens = 0,
          .output_tokens = whole.output_tokens - part.output_tokens,
          .requests = 0,
          .charge = whole.charge - part.charge};
}

}  // namespace

bool Exchange::pays_for(Stream& stream) {
  if (!stream.beyond)
    stream.beyond = std::make_unique<Beyond>(
        Beyond{.cap = plan_.output_cap,
               .ahead_max = std::max(plan_.price->max_output_tokens, plan_.output_cap) * plan_.request.choices});
  Beyond& beyond = *stream.beyond;
  if (beyond.asked) {
    if (auto decision = beyond.asked->take()) learn(beyond, std::move(*decision));
  }
  const std::int64_t came = stream.reader.output().tokens_at_most;
  while (!beyond.asked && !beyond.over) {
    const std::int64_t ahead = std::min(ahead_of(stream), beyond.ahead_max);
    if (came + ahead <= paid(beyond)) break;
    beyond.asked_ahead = ahead;
    ask_for(beyond, came + 2 * ahead);
  }
  if (came > paid(beyond) || !worker_.admission_.durable(*reservation_)) return false;
  stream.paid_for = stream.visible.size();
  return true;
}

net::Task<bool> Exchange::pays_in_time(Stream& stream) {
  const auto too_late = [] { return quota::Decision(quota::Refusal{ErrorType::unavailable, {}, "store_slow"}); };
  const std::int64_t deadline_ms = worker_.loop_.now_ms() + worker_.settings_.store_deadline_ms;
  while (!pays_for(stream)) {
    Beyond& beyond = *stream.beyond;
    const std::int64_t left_ms = deadline_ms - worker_.loop_.now_ms();
    if (stream.reader.output().tokens_at_most <= paid(beyond)) {
      if (const base::Status status = co_await written(); !status) refuse(beyond, status.error());
      if (!beyond.over) continue;
    }
    if (beyond.asked && left_ms > 0) {
      const auto asked = beyond.asked;
      const auto decision = co_await within<quota::Decision>(worker_.loop_, left_ms, too_late,
                                                             [&](auto done) { asked->then(std::move(done)); });
      learn(beyond, std::move(*decision));
      continue;
    }
    stream.broken = why_cut(beyond);
    stream.cut = true;
    worker_.stats_.cut.add();
    co_return false;
  }
  co_return true;
}

// One store deadline's worth, as fast as it has come so far.
std::int64_t Exchange::ahead_of(const Stream& stream) {
  const std::int64_t since_first_byte_ms =
      base::ns_between(began_, worker_.loop_.now()) / 1'000'000 - reservation_->record().first_byte_us / 1'000;
  return std::max(worker_.settings_.clamp_min_output_tokens, stream.reader.output().tokens_at_most *
                                                                 worker_.settings_.store_deadline_ms /
                                                                 std::max<std::int64_t>(since_first_byte_ms, 1));
}

// Until the reservation pays for so many tokens of output, or is refused.
void Exchange::ask_for(Beyond& beyond, std::int64_t output) {
  if (incoming_.client_gone())
    return refuse(beyond, {ErrorType::upstream_error, Source::upstream_refusal, "the client has gone", {}});
  // As the catalog is now: a key that was revoked gets no more, a limit that was raised gives more.
  const std::shared_ptr<const catalog::Snapshot> now = worker_.snapshot_;
  const base::WallTime stamp = worker_.stamp();
  const auto entry = now->find_key(caller_->key->id);
  if (!entry) return refuse(beyond, {ErrorType::unauthorized, Source::client, "the key was deleted", {}});
  if (const base::Status usable = check_key(*entry, stamp); !usable) return refuse(beyond, usable.error());
  boost::container::small_vector<const catalog::Limit*, 12> limits(entry->limits.begin(), entry->limits.end());
  limits.insert(limits.end(), limits_.begin(), limits_.end());
  const catalog::Balance* balance = caller_->payer();
  const auto balance_now = balance == nullptr ? std::nullopt : now->find_balance(balance->account->id);
  if (balance_now) balance = &*balance_now;

  beyond.asked_cap = (output + plan_.request.choices - 1) / plan_.request.choices;
  auto worst = worst_case(plan_.request, *plan_.price, beyond.asked_cap, *route_, caller_->payer());
  if (!worst) return refuse(beyond, std::move(worst).error());
  beyond.asked_worst_case = std::move(*worst);
  beyond.asked_parts = reservation_->parts().size();
  const quota::Amounts more = more_than(plan_.worst_case, beyond.asked_worst_case);
  if (auto extension = worker_.admission_.try_extend(*reservation_, limits, more, stamp, balance))
    return hold_more(beyond, std::move(*extension));
  beyond.asked = std::make_shared<Later<quota::Decision>>();
  const base::Instant deadline = worker_.loop_.now().plus_ms(worker_.settings_.store_deadline_ms);
  worker_.admission_.extend(
      *reservation_, limits, more, stamp, deadline,
      [asked = beyond.asked](quota::Decision decision) { asked->answer(std::move(decision)); }, balance);
}

// What the keeper says to ask_for().
void Exchange::learn(Beyond& beyond, quota::Decision decision) {
  beyond.asked.reset();
  if (auto* const extension = std::get_if<quota::Reservation::Extension>(&decision)) {
    // A limit that came into force meanwhile was not asked; what it was asked for goes back.
    if (beyond.asked_parts == reservation_->parts().size()) hold_more(beyond, std::move(*extension));
    return;
  }
  const auto& refusal = std::get<quota::Refusal>(decision);
  beyond.why = failure_of(refusal, worker_.stamp());
  // What others hold comes back in time or not, and what is left may pay for less.
  if (refusal.type == ErrorType::limit_busy) return;
  const bool reached = refusal.type == ErrorType::limit_reached || refusal.type == ErrorType::insufficient_balance;
  beyond.ahead_max = beyond.asked_ahead / 2;
  beyond.over = !reached || beyond.ahead_max < least_ahead();
}

void Exchange::refuse(Beyond& beyond, base::Error why) {
  beyond.why.emplace(std::move(why));
  beyond.over = true;
}

void Exchange::hold_more(Beyond& beyond, quota::Reservation::Extension extension) {
  // What is held is the worst case from here on, also for whoever finds the call after a crash.
  base::Money& estimate = reservation_->record().estimate;
  const base::Money before = std::exchange(estimate, beyond.asked_worst_case.usd);
  if (auto held = reservation_->extend(std::move(extension)); !held) {
    estimate = before;
    return refuse(beyond, std::move(held).error());
  }
  if (beyond.cap == plan_.output_cap) worker_.stats_.extended.add();
  beyond.cap = beyond.asked_cap;
  plan_.worst_case = beyond.asked_worst_case;
}

// The provider is to blame: it was told where to stop.
Failure Exchange::why_cut(const Beyond& beyond) const {
  Failure failure = beyond.why.value_or(Failure({ErrorType::unavailable, Source::store, "store_slow", {}}));
  failure.error.source = Source::upstream_refusal;
  failure.error.message = fmt::format(
      "the answer goes on beyond its output cap of {} tokens and ends here, because nothing pays for more: {}",
      plan_.output_cap, failure.error.message);
  return failure;
}

}  // namespace gateway
