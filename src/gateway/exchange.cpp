// One exchange: a client's request, the attempt upstream, the reply and its settled cost. Read top to bottom.
//
// Order matters. Cheap refusals come first; money is reserved last before the upstream is touched. From that line on
// the reservation is a scope: dropped unsent it releases; dropped after mark_sent it stays held, unresolved.
#include "gateway/exchange.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/assert.h"
#include "gateway/allowed.h"
#include "gateway/deployment.h"
#include "gateway/estimate.h"
#include "meter/form_data.h"
#include "meter/form_requests.h"
#include "net/head_writer.h"

namespace gateway {

using base::ErrorType;
using base::Source;

Exchange::Exchange(Worker& worker, net::Incoming& incoming)
    : worker_(worker),
      incoming_(incoming),
      head_(incoming.head()),
      began_(worker.loop_.now()),
      stamp_(worker.stamp()),
      arrived_(began_),
      record_(worker.new_record()),
      catalog_(worker.snapshot_) {
  record_->started = stamp_;
  record_->id = base::ExchangeId::create(stamp_, worker.random_);
  record_->id.uuid.write_to(request_id_);
  worker.under_way_.push_back(*this);
  if (worker.tracer_ != nullptr) begin_trace();
}

Exchange::~Exchange() {
  if (trace_) end_trace();
}

namespace {

// Memory of ended exchanges, for the next ones of the same thread.
struct FreeMemory {
  ~FreeMemory() {
    for (void* memory : list) ::operator delete(memory);
  }
  std::vector<void*> list;
};
thread_local FreeMemory free_memory;
constexpr std::size_t free_memory_max = 256;
// Whether the limit is on the key, its account or one above that, as they stand in the catalog.
bool is_on(const catalog::Limit& limit, const catalog::KeyEntry& caller, const catalog::Snapshot& catalog) {
  if (const auto* const key = std::get_if<base::KeyId>(&limit.subject)) return caller.key->id == *key;
  return catalog.is_within(caller.account->id, std::get<base::AccountId>(limit.subject));
}

}  // namespace

void* Exchange::operator new(std::size_t size) {
  ASSERT(size == sizeof(Exchange));
  if (free_memory.list.empty()) return ::operator new(size);
  void* memory = free_memory.list.back();
  free_memory.list.pop_back();
  return memory;
}

void Exchange::operator delete(void* memory) {
  if (free_memory.list.size() < free_memory_max) {
    free_memory.list.push_back(memory);
  } else {
    ::operator delete(memory);
  }
}

net::Task<void> Exchange::serve(Worker& worker, net::Incoming& incoming) {
  const auto exchange = std::make_unique<Exchange>(worker, incoming);
  exchange->locate();
  Outcome<void> done = exchange->authenticate();  // 401
  if (done) done = exchange->resolve();           // 404
  if (done) {
    switch (exchange->kind_) {
      case Kind::metered:
      case Kind::batch: done = co_await exchange->complete(); break;
      case Kind::free: done = co_await exchange->pass_on_free(); break;
      case Kind::budget: done = co_await exchange->show_budget(); break;
      case Kind::call: done = co_await exchange->complete_call(); break;
      case Kind::deferred: done = co_await exchange->complete_deferred(); break;
      case Kind::list: done = co_await exchange->complete_list(); break;
      case Kind::upload: done = co_await exchange->complete_upload(); break;
    }
  }
  if (!done) co_await exchange->refuse(done.error());
}

net::Task<Outcome<void>> Exchange::complete() {
  auto body = incoming_.body_at_hand();
  if (!body || std::ssize(*body) > route_->max_body_bytes) {
    CO_TRY(body, co_await read_body());  // 400, 413
  }
  if (kind_ == Kind::batch) {
    CO_TRY_STATUS(co_await plan_batch(*body));  // 400, 404, 503
  } else {
    CO_TRY_STATUS(plan(*body));  // 400
  }
  if (!idempotency_key_.empty()) {
    CO_TRY(const bool answered, co_await repeat(*body));  // 409, 422, 503
    if (answered) co_return Outcome<void>();
  }
  if (quote_) {
    CO_TRY_STATUS(co_await redeem());  // 422, 503
  } else if (!reserve_at_once()) {
    CO_TRY_STATUS(co_await reserve());  // 402, 429, 503
  }
  if (!worker_.admission_.durable(*reservation_)) CO_TRY_STATUS(co_await until_durable());  // 503
  if (claim_) claim_->mark_sent();

  // One reservation, and under it as many attempts as nobody bills, until an upstream serves the call.
  base::Result<std::string_view> reply;
  while (true) {
    attempt_began_ = worker_.loop_.now();
    auto answer = co_await worker_.upstreams_->attempt(outgoing(body_for(*target_)), *reservation_);
    if (!answer && goes_on_after(answer.error().error)) continue;
    if (!answer) co_return give_up(std::move(answer).error());  // 502, 504
    answer_ = std::move(*answer);
    note_first_byte();
    if (streams()) co_return co_await relay_stream();

    // Read whole before the first byte goes on, so that the head can say what it cost.
    if (const auto here = answer_.body->at_hand()) {
      reply = *here;
    } else {
      reply = co_await answer_.body->read_all(route_->max_reply_bytes);
    }
    if (!reply) co_return give_up(of_upstream(reply.error()));
    if (answer_.head.status < 400 || !goes_on_after(read_reply(*reply))) break;
  }
  if (plan_.request.background) CO_TRY_STATUS(co_await defer(*reply));  // 409
  net::Stream::Parts parts = settled_reply(*reply);
  auto sent = incoming_.send_at_once(parts);
  if (!sent) sent = co_await incoming_.send(parts.head, parts.body);
  if (!*sent) worker_.stats_.client_hangups.add();
  answer_.finish();
  co_return Outcome<void>();
}

// Some servers stream under another content type; what has no length cannot be anything but a stream.
bool Exchange::streams() const {
  if (!plan_.request.stream || answer_.head.status != 200) return false;
  const auto type = answer_.head.find(net::FieldName::content_type).value_or("");
  return answer_.head.framing != net::Framing::length || meter::framing_of(type) != meter::Framing::unknown;
}

Outgoing Exchange::outgoing(std::string_view body, net::Incoming* streamed) {
  Outgoing out{.head = head_,
               .path = onward_,
               .route = *route_,
               .target = *target_,
               .body = body,
               .streamed = streamed,
               .arrived = std::exchange(arrived_, std::nullopt)};
  if (trace_) {
    trace_attempt();
    out.traceparent = trace_->traceparent;
    out.tracestate = trace_->state;
  }
  return out;
}

net::Task<Outcome<std::string_view>> Exchange::read_body() {
  auto body = co_await incoming_.read_body(route_->max_body_bytes);
  arrived_ = worker_.loop_.now();
  if (body) co_return *body;
  // Whatever keeps the body from arriving is the client's side of the network.
  base::Error error = std::move(body).error();
  error.source = Source::client;
  if (error.type != ErrorType::payload_too_large) error.type = ErrorType::invalid_request;
  co_return fail(std::move(error));
}

// --- what it may cost ------------------------------------------------------------------------------------------------

std::string_view Exchange::content_type() const {
  const auto is_it = [](const net::Field& field) { return field.known == net::FieldName::content_type; };
  return std::ranges::count_if(head_.fields, is_it) == 1 ? *head_.find(net::FieldName::content_type) : "";
}

Outcome<void> Exchange::plan(std::string_view body) {
  if (meter::form_reader_of(endpoint_) != nullptr && !meter::is_form_of(content_type(), body))
    return refused(ErrorType::invalid_request,
                   fmt::format("{} is sent as multipart/form-data, divided by the boundary that Content-Type names",
                               endpoint_.dialect == meter::Dialect::audio ? "audio" : "an image"));
  TRY(plan_.request, meter::read_request(endpoint_, body));
  const meter::Request& request = plan_.request;
  plan_.asked = body;
  record_->model = request.model;
  record_->stream = request.stream;
  TRY(plan_.book, book_of(worker_.settings_, *caller_));
  record_->price_version = plan_.book->version();
  target_ = worker_.upstreams_->choose(*route_, {});
  record_->upstream = target_->upstream;
  TRY_STATUS(rename_for_target());
  // What the route asks for in a model's place is the operator's own choice.
  const std::string& asked = plan_.asked_model.empty() ? request.model : plan_.asked_model;
  TRY_STATUS(check_model(limiter_.get(), *caller_->key, model_behind(upstream_named(target_->upstream), asked)));
  if (request.billing != meter::Billing::free) {
    TRY(plan_.price, price_of(worker_.settings_, *plan_.book, upstream_named(target_->upstream), request, stamp_));
    plan_.output_cap = output_cap_of(request, *plan_.price);
  }
  plan_.hide_usage = request.stream && !request.include_usage && meter::asks_for_usage(endpoint_);
  form_body(plan_.renamed.empty() ? body : plan_.renamed);
  if (caller_->filtered) choose_limits();
  TRY_STATUS(estimate());
  plan_.made = true;
  return {};
}

void Exchange::choose_limits() {
  matching_.clear();
  for (const catalog::Limit* limit : caller_->limits)
    if (applies(*limit, plan_.request.model, *route_, record_->tags)) matching_.push_back(limit);
  limits_ = matching_;
}

Outcome<void> Exchange::estimate() {
  if (plan_.price == nullptr) {  // it is free
    plan_.worst_case = {.requests = 1};
    return {};
  }
  TRY(plan_.worst_case, worst_case(plan_.request, *plan_.price, plan_.output_cap, *route_, caller_->payer()));
  estimate_ = plan_.worst_case.usd;
  record_->estimate = estimate_;
  return {};
}

bool Exchange::reserve_at_once() {
  reservation_ = worker_.admission_.try_reserve(limits_, plan_.worst_case, stamp_, record_, caller_->payer());
  return reservation_.has_value();
}

// The bytes of an input bound it at no cost, and at several times what it takes. Where that is too much its tokens
// are counted.
bool Exchange::count_input() {
  if (plan_.price == nullptr || plan_.uncapped.size() > counted_bytes_max) return false;
  const auto counted = meter::read_copied_request(endpoint_, plan_.uncapped, meter::InputBound::counted);
  if (!counted || counted->input_bound >= plan_.request.input_bound) return false;
  const std::int64_t bytes = std::exchange(plan_.request.input_bound, counted->input_bound);
  if (!estimate()) {  // a row with a price for large inputs only
    plan_.request.input_bound = bytes;
    return false;
  }
  return true;
}

net::Task<Outcome<void>> Exchange::reserve() {
  // The keeper decides. A shorter answer now is better than waiting for others, so the first try does not wait.
  auto decision = co_await ask(0);
  if (const auto* refusal = std::get_if<quota::Refusal>(&decision); refusal && input_matters(*refusal) && count_input())
    decision = co_await ask(0);
  if (const auto* refusal = std::get_if<quota::Refusal>(&decision)) {
    const bool busy = refusal->type == ErrorType::limit_busy;
    std::optional<std::int64_t> cap;
    if (plan_.price != nullptr)
      cap = affordable_cap(plan_.request, *plan_.price, plan_.output_cap, *refusal,
                           worker_.settings_.clamp_min_output_tokens);
    if (cap) clamp(*cap);
    if (cap || busy) decision = co_await ask(worker_.settings_.admission_wait_ms);
  }
  co_return take_over(std::move(decision));
}

// It is not clamped: what was quoted is what was asked for.
net::Task<Outcome<void>> Exchange::redeem() { co_return take_over(co_await ask(worker_.settings_.admission_wait_ms)); }

Outcome<void> Exchange::take_over(quota::Decision decision) {
  if (const auto* refusal = std::get_if<quota::Refusal>(&decision)) return fail(failure_of(*refusal, worker_.stamp()));
  reservation_ = std::move(std::get<quota::Reservation>(decision));
  record_.reset();  // the reservation has its own
  for (quota::Reservation::TakenOn& one : std::exchange(taken_on_, {}))
    if (auto joined = reservation_->join(std::move(one)); !joined) return give_up(std::move(joined).error());
  if (auto adopted = worker_.admission_.adopt(*reservation_); !adopted) return give_up(std::move(adopted).error());
  if (plan_.clamped_to) worker_.stats_.clamped.add();
  return {};
}

net::Task<quota::Decision> Exchange::ask(std::int64_t wait_ms) {
  const std::int64_t patience_ms = wait_ms + worker_.settings_.store_deadline_ms;
  const auto too_late = [patience_ms]() -> quota::Decision {
    return quota::Refusal{ErrorType::unavailable, {}, store_slow(patience_ms).message};
  };
  // A grant that comes too late is dropped, which releases it.
  const auto decision = co_await within<quota::Decision>(worker_.loop_, patience_ms, too_late, [&](auto decided) {
    worker_.admission_.reserve(limits_, plan_.worst_case, stamp_, worker_.loop_.now().plus_ms(wait_ms), *record_,
                               std::move(decided), caller_->payer(), quote_);
  });
  if (std::holds_alternative<quota::Refusal>(*decision)) taken_on_.clear();  // it asks for all limits the next time
  co_return std::move(*decision);
}

net::Task<Outcome<void>> Exchange::until_durable() {
  auto written_down = co_await written();
  if (!written_down) co_return give_up(std::move(written_down).error());
  co_return Outcome<void>();
}

net::Task<base::Status> Exchange::written() {
  const std::int64_t patience_ms = worker_.settings_.store_deadline_ms;
  const auto too_late = [patience_ms] {
    return base::Status(base::fail(
        ErrorType::unavailable, fmt::format("the reservation was not on disk within {} ms (journal_slow)", patience_ms),
        {}, Source::store));
  };
  const auto written = co_await within<base::Status>(worker_.loop_, patience_ms, too_late, [&](auto ready) {
    worker_.admission_.when_durable(*reservation_, std::move(ready));
  });
  co_return std::move(*written);
}

base::Status Exchange::take_on(std::span<const quota::OpeningLimit> limits,
                               const std::shared_ptr<const catalog::Snapshot>& next) {
  if (!caller_) {
    catalog_ = next;
    return {};
  }
  const bool planned = plan_.made;
  const bool ended = !reservation_ && record_ == nullptr;
  if (ended || (reservation_ && !planned)) return {};  // the list of models counts on no limit
  auto entry = next->find_key(caller_->key->id);
  ASSERT(entry.has_value());
  const events::UsageRecord& record = reservation_ ? reservation_->record() : *record_;
  for (const auto& [limit, lease] : limits) {
    if (!planned || !is_on(limit, *caller_, *catalog_) || !applies(limit, plan_.request.model, *route_, record.tags))
      continue;
    // In a window before the one that opens, it will not be missed. Who waits will be of a later one, perhaps.
    if (reservation_ && !lease->span().contains(record.started)) continue;
    const std::int64_t wanted = plan_.worst_case.in(limit.unit);
    const std::int64_t amount = limit.leased() ? wanted : 0;
    quota::Reservation::Part part{lease, limit.unit, amount, lease->sub_window(record.started), false, wanted};
    if (reservation_) {
      TRY_STATUS(reservation_->take_on(std::move(part)));
    } else {
      taken_on_.emplace_back(std::move(part));  // the keeper is being asked, for the limits before
    }
  }
  if (reservation_) return {};
  catalog_ = next;
  caller_ = std::move(entry);
  limits_ = caller_->limits;
  if (planned && caller_->filtered) choose_limits();
  return {};
}

void Exchange::clamp(std::int64_t cap) {
  plan_.output_cap = cap;
  plan_.clamped_to = cap;
  plan_.cap_field.clear();
  const auto estimated = estimate();
  ASSERT(estimated.has_value());  // as it was with the cap before
}

std::string_view Exchange::body_for(const catalog::Target& target) {
  if (!plan_.clamped_to) return plan_.uncapped;
  const std::string& wanted = plan_.request.output_cap_path;
  const std::string& field = wanted.empty() ? upstream_named(target.upstream).output_cap_field : wanted;
  if (plan_.cap_field != field) {
    plan_.capped = meter::with_member(plan_.uncapped, field, std::to_string(*plan_.clamped_to));
    plan_.cap_field = field;
  }
  return plan_.capped;
}

// --- the way out
// -------------------------------------------------------------------------------------------------------

void Exchange::note_first_byte() {
  reservation_->record().first_byte_us = base::ns_between(began_, worker_.loop_.now()) / 1000;
  if (trace_) trace_->attempts.back().status = answer_.head.status;
}

net::Task<Outcome<void>> Exchange::pass_on_free() {
  if (incoming_.has_body()) co_return refused(ErrorType::invalid_request, "GET and HEAD take no body here");
  target_ = worker_.upstreams_->choose(*route_, {});
  record_->upstream = target_->upstream;
  // It costs nothing: no limit holds anything, but the way out still asks for a reservation.
  reservation_ = worker_.admission_.try_reserve({}, {}, stamp_, record_);
  if (!reservation_)
    co_return fail(base::Error{ErrorType::unavailable, Source::store, worker_.admission_.trouble(), {}});
  if (!worker_.admission_.durable(*reservation_)) CO_TRY_STATUS(co_await until_durable());
  auto answer = co_await worker_.upstreams_->attempt(outgoing({}), *reservation_);
  if (!answer) co_return give_up(std::move(answer).error());
  answer_ = std::move(*answer);
  note_first_byte();
  co_return co_await relay_unmetered();
}

net::Task<void> Exchange::refuse(const Failure& failure) {
  claim_.reset();  // before the client knows: it may send the call again
  const int status = failure.status();
  worker_.stats_.failures[static_cast<std::size_t>(failure.error.type)].add();
  worker_.stats_.faults[static_cast<std::size_t>(failure.error.source)].add();
  if (record_ != nullptr && caller_) {  // of an admitted exchange the reservation has it
    record_->outcome = events::Outcome::refused;
    record_->upstream.clear();  // none was called
    record_->error = failure.error.type;
    record_->fault = failure.error.source;
    if (failure.shortage) record_->refused_by = refused_by(*failure.shortage);
    finish_record(*record_, status);
    if (trace_) trace_refusal(failure);
    worker_.keeper_.push({std::move(record_), {}});
  } else if (trace_) {
    trace_refusal(failure);
  }
  if (incoming_.replied()) {
    incoming_.close_after_reply();  // in the middle of a reply: only the end of the connection can say so
    co_return;
  }
  if (!incoming_.rest_is_short()) incoming_.close_after_reply();
  count_reply(status);
  co_await incoming_.send(error_reply(failure, {request_id_, sizeof request_id_}, incoming_.keep_alive(),
                                      head_.method == "HEAD", error_form_of(endpoint_)));
}

void Exchange::count_reply(int status) {
  worker_.stats_.replies[static_cast<std::size_t>(status) / 100].add();
  if (trace_) trace_->status = status;
}

void Exchange::book(const quota::Amounts& actual, meter::Certainty certainty) {
  if (trace_) trace_record(reservation_->record(), actual.usd, certainty);
  std::move(*reservation_).settle(actual, certainty);
  reservation_.reset();
}

void Exchange::release() {
  if (trace_) trace_record(reservation_->record(), {}, meter::Certainty::exact);
  std::move(*reservation_).release();
  reservation_.reset();
}

void Exchange::finish_record(events::UsageRecord& record, int status) {
  record.status = status;
  record.duration_us = base::ns_between(began_, worker_.loop_.now()) / 1000;
}

}  // namespace gateway
