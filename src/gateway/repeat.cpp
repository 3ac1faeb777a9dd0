// A call with an Idempotency-Key: sent at most once, and answered with the first reply as often as it is asked.
#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "gateway/exchange.h"
#include "gateway/within.h"

namespace gateway {
namespace {

using base::ErrorType;
using base::Source;
using idempotency::Desk;
using idempotency::State;

constexpr std::size_t longest_key = 255;
constexpr std::string_view header = "Idempotency-Key";

std::unexpected<Failure> refused_key(ErrorType type, std::string message) {
  return fail(Failure({type, Source::client, std::move(message), std::string(header)}));
}

bool is_visible(char c) { return c > ' ' && c < 127; }

}  // namespace

Outcome<void> Exchange::read_idempotency_key() {
  for (const net::Field& field : head_.fields) {
    if (field.known != net::FieldName::idempotency_key) continue;
    if (!idempotency_key_.empty() && field.value != idempotency_key_)
      return refused_key(ErrorType::invalid_request, "the request carries two Idempotency-Keys; send one");
    if (field.value.empty() || field.value.size() > longest_key || !std::ranges::all_of(field.value, is_visible))
      return refused_key(
          ErrorType::invalid_request,
          fmt::format("an Idempotency-Key is 1 to {} visible characters without spaces; send one that is new "
                      "for each call, such as a UUID",
                      longest_key));
    idempotency_key_ = field.value;
  }
  return {};
}

net::Task<Outcome<bool>> Exchange::repeat(std::string_view body) {
  const std::int64_t patience_ms = worker_.settings_.store_deadline_ms;
  auto answer = co_await claim_key(body, Desk::WhileInFlight::tell, patience_ms,
                                   [patience_ms]() -> Desk::Answer { return base::fail(store_slow(patience_ms)); });
  const auto in_flight = [&answer] {
    const auto* const standing = answer ? std::get_if<idempotency::Standing>(&*answer) : nullptr;
    return standing != nullptr && standing->state == State::in_flight && standing->same_request;
  };
  if (in_flight() && route_->idempotency->max_wait_ms > 0) {
    const idempotency::Standing first = std::get<idempotency::Standing>(*answer);
    answer = co_await claim_key(body, Desk::WhileInFlight::wait, route_->idempotency->max_wait_ms,
                                [first]() -> Desk::Answer { return first; });
  }
  if (!answer) co_return fail(std::move(answer).error());
  if (auto* const claim = std::get_if<idempotency::Claim>(&*answer)) {
    claim_.emplace(std::move(*claim));
    taken_on_.clear();  // what came into force meanwhile is among the limits that it will ask for
    co_return false;
  }
  const auto& standing = std::get<idempotency::Standing>(*answer);
  if (!standing.reply) co_return refuse_repeat(standing);
  co_await replay(standing);
  co_return true;
}

net::Task<Desk::Answer> Exchange::claim_key(std::string_view body, Desk::WhileInFlight in_flight,
                                            std::int64_t patience_ms, std::function<Desk::Answer()> too_late) {
  const idempotency::ClaimRequest request{
      .name = {caller_->key->id, base::sha256(idempotency_key_)},
      .request = base::sha256(fmt::format("{} {}\n{}", head_.method, head_.target, base::to_hex(base::sha256(body)))),
      .exchange = record_->id,
      .now = worker_.stamp(),
      .expires = {worker_.stamp().ms + route_->idempotency->ttl_ms}};
  // A claim that comes too late is dropped, which frees it.
  const auto answer = co_await within<Desk::Answer>(
      worker_.loop_, patience_ms, std::move(too_late),
      [&](auto answered) { worker_.idempotency_.claim(request, in_flight, std::move(answered)); });
  co_return std::move(*answer);
}

Outcome<bool> Exchange::refuse_repeat(const idempotency::Standing& standing) const {
  const std::string first = standing.exchange.to_string();
  if (!standing.same_request)
    return refused_key(
        ErrorType::idempotency_mismatch,
        fmt::format("this Idempotency-Key stands for another request ({}); send a new key with a new request", first));
  switch (standing.state) {
    case State::in_flight: {
      auto busy =
          refused_key(ErrorType::request_in_progress,
                      fmt::format("the first call with this Idempotency-Key ({}) still runs; ask again soon", first));
      busy.error().retry_after_s = 1;
      return busy;
    }
    case State::not_kept:
      return refused_key(
          ErrorType::reply_not_kept,
          fmt::format("the call with this Idempotency-Key ({}) has ended, but its reply was larger than the "
                      "{} bytes that are kept; it is not sent again",
                      first, route_->idempotency->max_reply_bytes));
    case State::kept:
    case State::unknown: break;
  }
  return refused_key(
      ErrorType::outcome_unknown,
      fmt::format("nobody knows what became of the call with this Idempotency-Key ({}): it may have been "
                  "done; it is not sent again. Look it up, or send a new key to have it done once more",
                  first));
}

// Costs nothing and is held for nothing: nobody is called.
net::Task<void> Exchange::replay(const idempotency::Standing& standing) {
  const idempotency::KeptReply& reply = *standing.reply;
  net::HeadWriter writer(worker_.scratch_);
  writer.response(reply.status, net::reason_of(reply.status));
  worker_.scratch_ += reply.fields;
  writer.field("X-Request-Id", {request_id_, sizeof request_id_})
      .field("X-Original-Request-Id", standing.exchange.to_string())
      .field("Idempotent-Replayed", "true")
      .field("X-Request-Cost", "0");
  if (!incoming_.keep_alive()) writer.field("Connection", "close");
  writer.field("Content-Length", static_cast<std::int64_t>(reply.body.size()));
  count_reply(reply.status);
  worker_.stats_.replayed.add();
  record_->upstream.clear();  // none was called
  record_->estimate = base::Money::zero();
  record_->usage = meter::Usage{.input_tokens = 0, .output_tokens = 0};  // known to be none
  record_->outcome = reply.status < 400 ? events::Outcome::served : events::Outcome::failed;
  finish_record(*record_, reply.status);
  if (trace_) trace_record(*record_, {}, meter::Certainty::exact);
  worker_.keeper_.push({std::move(record_), {}});
  const std::string head(writer.end());
  if (!co_await incoming_.send(head, reply.body)) worker_.stats_.client_hangups.add();
}

void Exchange::keep_piece(std::string_view visible) {
  // One byte more than is kept says that it was too much.
  const auto most = static_cast<std::size_t>(route_->idempotency->max_reply_bytes) + 1;
  kept_ += visible.substr(0, most - std::min(most, kept_.size()));
}

void Exchange::keep_reply() {
  idempotency::Claim claim = std::move(*claim_);
  claim_.reset();
  if (surely_undone_) return std::move(claim).free();
  idempotency::KeptReply reply{.status = answer_.head.status, .fields = {}, .body = std::move(kept_)};
  const auto connection = answer_.head.find(net::FieldName::connection);
  for (const net::Field& field : answer_.head.fields)
    if (passes_on(field, connection) && field.known != net::FieldName::x_request_id)
      reply.fields += fmt::format("{}: {}\r\n", field.name, field.value);
  if (std::ssize(reply.fields) + std::ssize(reply.body) > route_->idempotency->max_reply_bytes)
    return std::move(claim).not_kept();
  std::move(claim).keep(std::move(reply));
}

}  // namespace gateway
