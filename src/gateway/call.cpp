// A call of an API that speaks no dialect: a rule of its route says what it costs or where its reply does. Its body and
// its reply stream through in constant memory.
#include <fmt/format.h>

#include "gateway/allowed.h"
#include "gateway/estimate.h"
#include "gateway/exchange.h"
#include "net/plain_path.h"

namespace gateway {
namespace {

using base::ErrorType;
using base::Source;
using Meter = catalog::CallRule::Meter;

// The client's mistake, or a policy's no: the upstream did not do what it was asked for.
bool is_refusal(int status) { return status >= 400 && status < 500; }

base::Money cost_of(const catalog::Report& report, std::int64_t billionths) {
  base::CostSum sum;
  sum.add(billionths, report.price);
  return sum.ceil();
}

}  // namespace

Outcome<void> Exchange::resolve_call(std::string_view path) {
  kind_ = Kind::call;
  TRY(const std::string plain, net::plain_path(path.empty() ? "/" : path));
  bool any_method = false;
  call_ = catalog::find_call(route_->calls, head_.method, plain, any_method);
  if (call_ == nullptr)
    return refused(ErrorType::not_found,
                   fmt::format("{} {} is not served: the route '{}' names no such {}", head_.method.substr(0, 16),
                               head_.path().substr(0, 200), route_->name, any_method ? "method there" : "call"));
  record_->model = call_->name;
  TRY_STATUS(check_model(limiter_.get(), *caller_->key, call_->name));
  if (wants_cost_comment_)
    return refused(ErrorType::invalid_request, "'X-Metergate-Stream-Cost' is for streams of an LLM dialect",
                   "X-Metergate-Stream-Cost");
  if (quote_)
    return refused(ErrorType::invalid_request, fmt::format("'{}' pays for calls of an LLM dialect", quote_field),
                   std::string(quote_field));
  return {};
}

Outcome<void> Exchange::plan_call() {
  if (head_.framing == net::Framing::length && head_.content_length > route_->max_body_bytes)
    return refused(ErrorType::payload_too_large,
                   fmt::format("the body has more than {} bytes", route_->max_body_bytes));
  plan_.request.model = call_->name;
  base::Money most = base::Money::zero();
  if (call_->meter == Meter::flat) most = call_->price;
  if (call_->meter == Meter::reported) most = cost_of(call_->report, call_->report.most);
  plan_.worst_case = call_amounts(most, *call_, *route_, caller_->payer());
  estimate_ = record_->estimate = most;
  target_ = worker_.upstreams_->choose(*route_, {});
  record_->upstream = target_->upstream;
  if (caller_->filtered) choose_limits();
  plan_.made = true;
  return {};
}

net::Task<Outcome<void>> Exchange::complete_call() {
  CO_TRY_STATUS(plan_call());  // 413
  std::optional<std::string_view> body;
  if (incoming_.has_body()) body = incoming_.body_at_hand();
  if (!idempotency_key_.empty()) {
    if (incoming_.has_body() && !body) {
      CO_TRY(body, co_await read_body());                             // 400, 413
    }
    CO_TRY(const bool answered, co_await repeat(body.value_or("")));  // 409, 422, 503
    if (answered) co_return Outcome<void>();
  }
  if (!reserve_at_once()) CO_TRY_STATUS(co_await reserve());                                // 402, 429, 503
  if (!worker_.admission_.durable(*reservation_)) CO_TRY_STATUS(co_await until_durable());  // 503
  if (claim_) claim_->mark_sent();

  net::Incoming* const streamed = incoming_.has_body() && !body ? &incoming_ : nullptr;
  while (true) {
    attempt_began_ = worker_.loop_.now();
    auto answer = co_await worker_.upstreams_->attempt(outgoing(body.value_or(""), streamed), *reservation_);
    if (!answer && goes_on_after(answer.error().error)) continue;
    if (!answer) co_return give_up(std::move(answer).error());  // 413, 502, 504
    answer_ = std::move(*answer);
    note_first_byte();
    co_return co_await relay_call();
  }
}

// What the reply's head decides; nullopt: its body does, or nobody knows. A refusal costs nothing, unless it says so.
std::optional<base::Money> Exchange::cost_by_head() const {
  const int status = answer_.head.status;
  if (call_->meter == Meter::requests) return base::Money::zero();
  const auto said = call_->report.header.empty() ? std::nullopt : answer_.head.find(call_->report.header);
  if (said) {
    const auto billionths = meter::billionths_of(*said);
    return billionths ? std::optional(cost_of(call_->report, *billionths)) : std::nullopt;
  }
  if (!call_->report.member.empty()) return std::nullopt;
  if (is_refusal(status)) return base::Money::zero();
  return call_->meter == Meter::flat && status < 400 ? std::optional(call_->price) : std::nullopt;
}

net::Task<Outcome<void>> Exchange::relay_call() {
  std::optional<base::Money> cost = cost_by_head();
  std::optional<meter::ReportReader> report;
  if (!cost && !call_->report.member.empty()) report.emplace(call_->report.member);
  if (!report) settle_call(cost);
  net::HeadWriter writer = open_head();
  add_cost_fields(writer);
  ReadAlong read;
  if (report) read = std::bind_front(&meter::ReportReader::feed, &*report);
  const bool whole = co_await relay_body(writer, read);
  if (report) {
    if (whole && is_refusal(answer_.head.status)) cost = base::Money::zero();
    if (whole && report->billionths()) cost = cost_of(call_->report, *report->billionths());
    settle_call(cost);
  }
  if (claim_ && whole) keep_reply();
  claim_.reset();
  if (whole) answer_.finish();
  co_return Outcome<void>();
}

// nullopt: nobody knows what the call cost, so all that was reserved stays held.
void Exchange::settle_call(std::optional<base::Money> cost) {
  const int status = answer_.head.status;
  events::UsageRecord& record = reservation_->record();
  record.outcome = status < 400 ? events::Outcome::served : events::Outcome::failed;
  record.usage = meter::Usage{.input_tokens = 0, .output_tokens = 0};  // there are none
  if (status >= 400) {
    record.error = ErrorType::upstream_error;
    record.fault = Source::upstream_refusal;
    worker_.stats_.faults[static_cast<std::size_t>(Source::upstream_refusal)].add();
  }
  finish_record(record, status);
  quota::Amounts actual{.usd = cost.value_or(base::Money::zero()), .requests = 1};
  actual.charge = quota::charge_of(actual.usd, caller_->payer());
  surely_undone_ = actual.unbilled = is_refusal(status) && cost == base::Money::zero();
  if (!cost) {
    record.usage->certainty = meter::Certainty::at_least;
    worker_.stats_.unknown_usage.add();
  }
  if (actual.usd > plan_.worst_case.usd) worker_.stats_.overruns.add();
  worker_.stats_.cost_nanos.add(actual.usd.nanos());
  cost_ = cost;
  book(actual, cost ? meter::Certainty::exact : meter::Certainty::at_least);
}

}  // namespace gateway
