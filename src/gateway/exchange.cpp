// One exchange: a client's request, the attempt upstream, the reply and its settled cost. Read top to bottom.
//
// Order matters. Cheap refusals come first; money is reserved last before the upstream is touched. From that line on
// the reservation is a scope: dropped unsent it releases; dropped after mark_sent it stays held, unresolved.
#include "gateway/exchange.h"

#include <algorithm>
#include <array>
#include <atomic>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/sha256.h"
#include "net/await.h"
#include "net/head_writer.h"

namespace gateway {

using base::ErrorType;
using base::Source;

Exchange::Exchange(Worker& worker, net::Incoming& incoming)
    : worker_(worker), incoming_(incoming), head_(incoming.head()), catalog_(worker.snapshot_),
      began_(worker.loop_.clock().now()) {
  record_.started = worker.stamp();
  record_.id = base::ExchangeId::create(record_.started, worker.random_);
  request_id_ = record_.id.to_string();
}

net::Task<void> Exchange::serve() {
  if (const auto done = co_await run(); !done) co_await refuse(done.error());
}

net::Task<Outcome<void>> Exchange::run() {
  CO_TRY_STATUS(authenticate());  // 401
  CO_TRY_STATUS(resolve());       // 404
  const std::string_view path = head_.path().substr(route_->prefix.size());
  if (path == "/chat/completions" && head_.method == "POST") co_return co_await complete_chat();
  if (path == "/models" && (head_.method == "GET" || head_.method == "HEAD")) co_return co_await list_models();
  const bool known = path == "/chat/completions" || path == "/models";
  co_return fail(base::Error{ErrorType::not_found, Source::client,
                             fmt::format("{} {} is not served: {}", head_.method.substr(0, 16), head_.path().substr(0, 200),
                                         known ? "the path has another method" : "it cannot be metered yet"),
                             {}});
}

net::Task<Outcome<void>> Exchange::complete_chat() {
  CO_TRY(const std::string_view body, co_await read_body());                 // 400, 413
  CO_TRY(Plan plan, this->plan(body));                                       // 400
  CO_TRY(quota::Reservation reservation, co_await reserve(plan));            // 402, 429, 503
  CO_TRY(Answer answer, co_await attempt(plan.body, reservation));           // 502, 504

  const auto type = answer.head.find("content-type").value_or("");
  if (plan.request.stream && answer.head.status == 200 && type.starts_with("text/event-stream"))
    co_return co_await relay_stream(std::move(answer), std::move(reservation), plan);
  co_return co_await relay_plain(std::move(answer), std::move(reservation), plan);
}

// --- who, where ----------------------------------------------------------------------------------------------------

Outcome<void> Exchange::authenticate() {
  // Each dialect's clients put the key where their vendor wants it.
  std::string_view secret;
  for (const net::Field& field : head_.fields) {
    std::string_view value;
    if (net::equals_ignoring_case(field.name, "authorization")) {
      if (field.value.size() <= 7 || !net::equals_ignoring_case(field.value.substr(0, 7), "bearer ")) continue;
      value = field.value.substr(7);
    } else if (net::equals_ignoring_case(field.name, "x-api-key") || net::equals_ignoring_case(field.name, "api-key") ||
               net::equals_ignoring_case(field.name, "x-goog-api-key")) {
      value = field.value;
    } else {
      continue;
    }
    if (!secret.empty() && value != secret)
      return fail(base::Error{ErrorType::unauthorized, Source::client, "the request carries two different keys; send one", {}});
    secret = value;
  }
  const auto unauthorized = [](std::string message) {
    return fail(base::Error{ErrorType::unauthorized, Source::client, std::move(message), {}});
  };
  if (secret.empty()) return unauthorized("no key was sent; send it as 'Authorization: Bearer mg_live_…'");
  const catalog::KeyEntry* entry = catalog_->find_key(base::sha256(secret));
  if (entry == nullptr)
    return unauthorized(catalog::is_well_formed_secret(secret) ? "the key is not known here"
                                                               : "this is not a Metergate key, or it was mistyped");
  if (entry->key.role == catalog::KeyRole::admin)
    return unauthorized("an admin key works on the control plane only; create a data key for calls");
  if (!entry->usable) return unauthorized("the key or its account was revoked or suspended");
  if (entry->key.expires && *entry->key.expires <= record_.started) return unauthorized("the key has expired");
  caller_ = entry;
  record_.key = entry->key.id;
  record_.account = entry->key.account;
  return {};
}

Outcome<void> Exchange::resolve() {
  route_ = worker_.settings_.find_route(head_.path());
  if (route_ == nullptr)
    return fail(base::Error{ErrorType::not_found, Source::client,
                            fmt::format("no route serves {}", head_.path().substr(0, 200)), {}});
  record_.route = route_->name;
  if (const auto wish = head_.find("x-metergate-stream-cost")) {
    if (*wish != "comment")
      return fail(base::invalid("X-Metergate-Stream-Cost has the one value 'comment'", "X-Metergate-Stream-Cost").error());
    wants_cost_comment_ = true;
  }
  return {};
}

net::Task<Outcome<std::string_view>> Exchange::read_body() {
  auto body = co_await incoming_.read_body(route_->max_body_bytes);
  if (body) co_return *body;
  // Whatever keeps the body from arriving is the client's side of the network.
  base::Error error = std::move(body).error();
  error.source = Source::client;
  if (error.type != ErrorType::payload_too_large) error.type = ErrorType::invalid_request;
  co_return fail(std::move(error));
}

// --- what it may cost ------------------------------------------------------------------------------------------------

Outcome<Exchange::Plan> Exchange::plan(std::string_view body) const {
  Plan plan;
  TRY(plan.request, meter::read_chat_request(body));
  const meter::ChatRequest& request = plan.request;
  plan.price = worker_.settings_.find_price(request.model);
  if (plan.price == nullptr)
    return fail(base::Error{ErrorType::unknown_price, Source::client,
                            fmt::format("the model '{}' has no price here, so its cost cannot be bounded; add it to the "
                                        "price file or set prices.unknown_model", request.model.substr(0, 100)),
                            "model"});
  if (!plan.price->prices_tier(request.tier))
    return fail(base::Error{ErrorType::unknown_price, Source::client,
                            fmt::format("the model '{}' has no price for this service tier", request.model), "service_tier"});
  if (request.audio && !plan.price->prices_audio())
    return fail(base::Error{ErrorType::unknown_price, Source::client,
                            fmt::format("the model '{}' has no price for audio", request.model), "modalities"});
  plan.output_cap = request.output_cap.value_or(plan.price->max_output_tokens);
  plan.body = body;
  if (request.stream && !request.include_usage) {
    plan.hide_usage = true;
    plan.edited = meter::with_usage_in_stream(body);
    plan.body = plan.edited;
  }
  return plan;
}

quota::Amounts Exchange::worst_case(const Plan& plan) const {
  const std::int64_t output = plan.output_cap * plan.request.choices;
  const auto audio = plan.request.audio ? meter::Audio::possible : meter::Audio::none;
  return {.usd = plan.price->worst_cost(plan.request.input_bound, output, plan.request.tier, audio),
          .tokens = plan.request.input_bound + output,
          .requests = 1};
}

net::Task<Outcome<quota::Reservation>> Exchange::reserve(Plan& plan) {
  record_.model = plan.request.model;
  record_.stream = plan.request.stream;
  record_.price_version = worker_.settings_.prices->version();
  record_.upstream = route_->upstream;
  quota::Amounts amounts = worst_case(plan);
  record_.estimate = estimate_ = amounts.usd;
  if (auto reserved = worker_.admission_.try_reserve(caller_->limits, amounts, record_.started, record_)) {
    admitted_ = true;
    co_return std::move(*reserved);
  }
  // The keeper decides. A shorter answer now is better than waiting for others, so the first try does not wait.
  auto decision = co_await ask(amounts, 0);
  if (const auto* refusal = std::get_if<quota::Refusal>(&decision)) {
    if (const auto cap = affordable_cap(plan, *refusal)) {
      clamp(plan, *cap);
      amounts = worst_case(plan);
      record_.estimate = estimate_ = amounts.usd;
    }
    if (plan.clamped_to || refusal->type == ErrorType::limit_busy)
      decision = co_await ask(amounts, worker_.settings_.admission_wait_ms);
  }
  if (const auto* refusal = std::get_if<quota::Refusal>(&decision))
    co_return fail(failure_of(*refusal, worker_.stamp()));
  auto& reservation = std::get<quota::Reservation>(decision);
  worker_.admission_.learn(reservation);
  admitted_ = true;
  if (plan.clamped_to) worker_.stats_.clamped.add();
  co_return std::move(reservation);
}

net::Task<quota::Decision> Exchange::ask(quota::Amounts amounts, std::int64_t wait_ms) {
  // A store that does not answer must not hold the client for ever: whoever calls first decides, and a grant that
  // comes too late is dropped, which releases it.
  struct OutOfPatience final : net::Deadline {
    std::function<void()> act;
    void expired() override { act(); }
  } patience;
  const auto answered = std::make_shared<std::atomic<bool>>(false);
  const auto decision = co_await net::await_callback<quota::Decision>(worker_.loop_, [&](auto done) {
    const auto once = [answered, done](quota::Decision made) {
      if (!answered->exchange(true)) done(std::move(made));
    };
    const std::int64_t patience_ms = wait_ms + worker_.settings_.store_deadline_ms;
    patience.act = [once, patience_ms] {
      once(quota::Refusal{ErrorType::unavailable, {}, fmt::format("the store did not answer within {} ms (store_slow)", patience_ms)});
    };
    patience.expires_ms = worker_.loop_.now_ms() + patience_ms;
    worker_.loop_.watch(patience);
    worker_.admission_.reserve(caller_->limits, amounts, record_.started,
                               worker_.loop_.clock().now().plus_ms(wait_ms), record_, once);
  });
  co_return std::move(*decision);
}

// The largest output cap that every limit in the way can pay for, if they all allow it and it is worth a call.
std::optional<std::int64_t> Exchange::affordable_cap(const Plan& plan, const quota::Refusal& refusal) const {
  std::int64_t cap = plan.output_cap;
  for (const quota::Shortage& shortage : refusal.shortages) {
    if (shortage.limit.clamp == catalog::Clamp::off || shortage.limit.unit == catalog::LimitUnit::requests) return std::nullopt;
    const auto audio = plan.request.audio ? meter::Audio::possible : meter::Audio::none;
    const std::int64_t output =
        shortage.limit.unit == catalog::LimitUnit::tokens
            ? shortage.available - plan.request.input_bound
            : plan.price->affordable_output(base::Money::from_nanos(shortage.available), plan.request.input_bound,
                                            plan.request.tier, audio);
    cap = std::min(cap, output / plan.request.choices);
  }
  const bool worth_it = !refusal.shortages.empty() && cap >= worker_.settings_.clamp_min_output_tokens && cap < plan.output_cap;
  return worth_it ? std::optional(cap) : std::nullopt;
}

void Exchange::clamp(Plan& plan, std::int64_t cap) const {
  const catalog::Upstream* upstream = worker_.settings_.find_upstream(route_->upstream);
  const std::string& field =
      plan.request.output_cap_field.empty() ? upstream->output_cap_field : plan.request.output_cap_field;
  plan.edited = meter::with_member(plan.body, field, std::to_string(cap));
  plan.body = plan.edited;
  plan.output_cap = cap;
  plan.clamped_to = cap;
}

// --- out, and what comes back ----------------------------------------------------------------------------------------

net::Task<Outcome<Answer>> Exchange::attempt(std::string_view body, quota::Reservation& reservation) {
  auto answer = co_await worker_.upstreams_->attempt({head_, *route_, body}, reservation);
  if (!answer) {
    give_up(std::move(reservation), answer.error().error, answer.error().status());
    co_return answer;
  }
  reservation.record().first_byte_us = base::ns_between(began_, worker_.loop_.clock().now()) / 1000;
  co_return answer;
}

net::Task<Outcome<void>> Exchange::list_models() {
  if (incoming_.has_body())
    co_return fail(base::invalid("GET and HEAD take no body here").error());
  record_.upstream = route_->upstream;
  // The list of models is free: no limit holds anything, but the way out still asks for a reservation.
  auto reserved = worker_.admission_.try_reserve({}, {}, record_.started, record_);
  if (!reserved)
    co_return fail(base::Error{ErrorType::unavailable, Source::store, worker_.keeper_.halted_because(), {}});
  admitted_ = true;
  CO_TRY(Answer answer, co_await attempt({}, *reserved));
  co_return co_await relay_unmetered(std::move(answer), std::move(*reserved));
}

net::Task<void> Exchange::refuse(const Failure& failure) {
  const int status = failure.status();
  worker_.stats_.failures[static_cast<std::size_t>(failure.error.type)].add();
  worker_.stats_.faults[static_cast<std::size_t>(failure.error.source)].add();
  if (!admitted_ && caller_ != nullptr) {  // an admitted exchange has its record already
    record_.outcome = events::Outcome::refused;
    record_.error = failure.error.type;
    record_.fault = failure.error.source;
    finish_record(record_, status);
    worker_.keeper_.push(std::move(record_));
  }
  if (incoming_.replied()) {
    incoming_.close_after_reply();  // in the middle of a reply: only the end of the connection can say so
    co_return;
  }
  if (!incoming_.rest_is_short()) incoming_.close_after_reply();
  worker_.stats_.replies[static_cast<std::size_t>(status) / 100].add();
  co_await incoming_.send(error_reply(failure, request_id_, incoming_.keep_alive(), head_.method == "HEAD"));
}

void Exchange::finish_record(events::UsageRecord& record, int status) {
  record.status = status;
  record.duration_us = base::ns_between(began_, worker_.loop_.clock().now()) / 1000;
}

}  // namespace gateway
