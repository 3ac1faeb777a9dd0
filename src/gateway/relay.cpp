// The second half of an exchange: the reply comes back, is metered while it passes (a stream: stream.cpp), and the cost
// is settled.
#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"
#include "gateway/estimate.h"
#include "gateway/exchange.h"
#include "gateway/reply_fields.h"
#include "gateway/unknown_fields.h"
#include "meter/exchange_bill.h"

namespace gateway {
namespace {

using base::ErrorType;
using base::Source;

// Reply fields of the upstream that are not passed on: framing is ours, cookies are the shared account's, and the
// request id that a client quotes is ours (the upstream's own is kept under another name).
bool is_withheld_from_client(net::FieldName name) {
  return name == net::FieldName::content_length || name == net::FieldName::set_cookie;
}

// As operators say it: daily, monthly, cycle:15, rolling:5h.
std::string period_of(const base::WindowPolicy& window) {
  using Kind = base::WindowPolicy::Kind;
  if (window.kind == Kind::day) return "daily";
  const bool calendar = window.kind < Kind::cycle;
  return base::to_string(window) + (calendar ? "ly" : "");
}

}  // namespace

base::Error of_upstream(const base::Error& error) {
  if (error.type != ErrorType::invalid_request && error.type != ErrorType::payload_too_large) return error;
  return {ErrorType::upstream_error,
          Source::upstream_refusal,
          fmt::format("the upstream's reply cannot be passed on: {}", error.message),
          {}};
}

// --- the reply's head
// --------------------------------------------------------------------------------------------------

bool Exchange::passes_on(const net::Field& field, const std::optional<std::string_view>& connection) {
  if (net::is_hop_by_hop(field.known) || is_withheld_from_client(field.known)) return false;
  return !connection || !net::has_token(*connection, field.name);
}

net::HeadWriter Exchange::open_head() {
  net::HeadWriter writer(worker_.scratch_);
  writer.response(answer_.head.status,
                  answer_.head.reason.empty() ? net::reason_of(answer_.head.status) : answer_.head.reason);
  const auto connection = answer_.head.find(net::FieldName::connection);
  for (const net::Field& field : answer_.head.fields) {
    if (!passes_on(field, connection)) continue;
    const bool request_id = field.known == net::FieldName::x_request_id;
    writer.field(request_id ? "X-Upstream-Request-Id" : field.name, field.value);
  }
  writer.field("X-Request-Id", {request_id_, sizeof request_id_});
  if (!incoming_.keep_alive()) writer.field("Connection", "close");
  return writer;
}

void Exchange::add_cost_fields(net::HeadWriter& writer) {
  if (cost_) writer.field("X-Request-Cost", cost_->usd_text());
  writer.field("X-Estimated-Cost", estimate_.usd_text());
  if (usage_ && usage_->input_tokens) writer.field("X-Input-Tokens", *usage_->input_tokens);
  if (usage_ && usage_->input_tokens && usage_->output_tokens)
    writer.field("X-Tokens-Used", *usage_->input_tokens + *usage_->output_tokens);
  if (plan_.clamped_to) writer.field("X-Output-Clamped", *plan_.clamped_to);
  add_budget_fields(writer);
}

void Exchange::add_budget_fields(net::HeadWriter& writer) {
  const catalog::Limit* tightest = nullptr;
  std::int64_t left = 0;
  std::optional<std::int64_t> balance;
  if (caller_->balance) balance = worker_.admission_.remaining(*caller_->balance, stamp_);
  for (const catalog::Limit* limit : limits_) {
    if (limit->unit != catalog::LimitUnit::usd || limit->mode == catalog::LimitMode::shadow) continue;
    const auto remaining = worker_.admission_.remaining(*limit, stamp_);
    if (!remaining || (tightest != nullptr && *remaining >= left)) continue;
    tightest = limit;
    left = *remaining;
  }
  if (balance && (tightest == nullptr || *balance < left)) {
    writer.field("X-Budget-Remaining", base::Money::from_nanos(std::max<std::int64_t>(*balance, 0)).usd_text());
    writer.field("X-Budget-Period", "balance");
  } else if (tightest != nullptr) {
    writer.field("X-Budget-Remaining", base::Money::from_nanos(std::max<std::int64_t>(left, 0)).usd_text());
    writer.field("X-Budget-Period", period_of(tightest->window));
  }
  add_budget_warning(writer);
}

void Exchange::add_budget_warning(net::HeadWriter& writer) {
  const catalog::Limit* warns = nullptr;
  catalog::Threshold highest;
  for (const catalog::Limit* limit : limits_) {
    if (limit->thresholds.empty() || limit->mode == catalog::LimitMode::shadow) continue;
    const auto crossed = worker_.admission_.warning(*limit, stamp_);
    if (!crossed || crossed->percent <= highest.percent) continue;
    warns = limit;
    highest = *crossed;
  }
  if (warns == nullptr) return;
  writer.field("X-Budget-Warning", fmt::format("{}% of {} {} {} is spent", highest.percent,
                                               catalog::amount_text(warns->unit, warns->amount_at(stamp_)),
                                               catalog::to_string(warns->unit), catalog::in_words(warns->window)));
}

// --- settling
// ----------------------------------------------------------------------------------------------------------

meter::BilledCall Exchange::billed_call() const {
  const catalog::Upstream& upstream = upstream_named(target_->upstream);
  const bool trusts = upstream.stated_cost == catalog::StatedCost::trusted;
  return {.book = *plan_.book,
          .at = stamp_,
          .provider = upstream.provider,
          .asked = plan_.price,
          .request = &plan_.request,
          .stated = trusts ? meter::StatedCost::trusted : meter::StatedCost::ignored};
}

void Exchange::settle(const meter::Reply& reply, std::int64_t output_pieces, bool came_whole) {
  const int status = answer_.head.status;
  events::UsageRecord& record = reservation_->record();
  record.served_model = reply.model;
  record.usage = reply.usage;
  record.outcome = status < 400 && came_whole ? events::Outcome::served : events::Outcome::failed;
  if (status >= 400) {
    record.error = ErrorType::upstream_error;
    record.fault = Source::upstream_refusal;
    worker_.stats_.faults[static_cast<std::size_t>(Source::upstream_refusal)].add();
  }
  finish_record(record, status);

  quota::Amounts actual{.requests = 1};
  auto certainty = meter::Certainty::exact;
  if (plan_.price == nullptr) {  // it is free
    cost_ = base::Money::zero();
  } else if (!reply.usage && is_definite_refusal(status, reply)) {
    cost_ = base::Money::zero();
    surely_undone_ = actual.unbilled = true;
  } else {
    meter::Usage usage = reply.usage.value_or(meter::Usage{.input_tokens = {}, .output_tokens = output_pieces});
    // What broke off may have named its usage before it had all come.
    if (!came_whole) usage.output_tokens = std::max(usage.output_tokens.value_or(0), output_pieces);
    const meter::BilledCall call = billed_call();
    const meter::ExchangeBill bill = meter::bill_exchange(call, reply, usage);
    if (reply.unknown_field_count > 0) note_unknown_fields(call.provider, reply, worker_.stats_);
    if (!reply.usage || !came_whole || !bill.certain) {
      // Booked is what was counted, the unknown counting as none; the rest of the reservation stays unresolved.
      certainty = usage.certainty = meter::Certainty::at_least;
      record.usage = usage;
      worker_.stats_.unknown_usage.add();
    }
    actual.usd = bill.cost;
    actual.charge = quota::charge_of(actual.usd, caller_->payer());
    actual.input_tokens = usage.input_tokens.value_or(0);
    actual.output_tokens = usage.output_tokens.value_or(0);
    usage_ = record.usage;
    cost_ = actual.usd;
  }
  if (actual.usd > plan_.worst_case.usd) worker_.stats_.overruns.add();
  worker_.stats_.cost_nanos.add(actual.usd.nanos());
  if (trace_) {
    trace_attempt_end({});
    trace_->finish_reason = reply.stop_reason.value_or("");
  }
  book(actual, certainty);
}

std::unexpected<Failure> Exchange::give_up(Failure failure) {
  events::UsageRecord& record = reservation_->record();
  record.outcome = events::Outcome::failed;
  record.error = failure.error.type;
  record.fault = failure.error.source;
  finish_record(record, failure.status());
  if (claim_ && !reservation_->sent()) std::move(*claim_).free();
  claim_.reset();
  if (trace_) trace_attempt_end(failure.error.type);
  if (reservation_->sent()) {
    worker_.stats_.unknown_usage.add();
    book({.requests = 1}, meter::Certainty::at_least);
  } else {
    release();
  }
  return fail(std::move(failure));
}

// --- a plain reply
// -----------------------------------------------------------------------------------------------------

meter::Reply Exchange::read_reply(std::string_view body) const {
  meter::Reply reply = meter::read_reply(endpoint_.dialect, ReplyHeaders(answer_.head).head(), body);
  // Speech is billed by what is spoken, which the request says; its reply is the sound alone.
  if (endpoint_.dialect == meter::Dialect::none && plan_.request.characters > 0 && answer_.head.status < 300) {
    reply.usage = meter::Usage{.characters = plan_.request.characters};
    reply.names_usage = true;
  }
  return reply;
}

net::Stream::Parts Exchange::settled_reply(std::string_view body) {
  if (reservation_) settle(read_reply(body), 0, true);  // else its work goes on
  if (claim_) {
    keep_piece(body);
    keep_reply();
  }
  net::HeadWriter writer = open_head();
  add_cost_fields(writer);
  writer.field("Content-Length", static_cast<std::int64_t>(body.size()));
  count_reply(answer_.head.status);
  return {writer.end(), body, {}};
}

// --- what is not read for its cost
// -------------------------------------------------------------------------------------

void Exchange::end_unmetered() {
  const int status = answer_.head.status;
  events::UsageRecord& record = reservation_->record();
  record.outcome = status < 400 ? events::Outcome::served : events::Outcome::failed;
  if (status >= 400) record.fault = Source::upstream_refusal;
  record.usage = meter::Usage{.input_tokens = 0, .output_tokens = 0};  // known to be none
  finish_record(record, status);
  release();
}

net::Task<Outcome<void>> Exchange::relay_unmetered() {
  end_unmetered();
  net::HeadWriter writer = open_head();
  add_budget_fields(writer);
  if (co_await relay_body(writer, {})) answer_.finish();
  co_return Outcome<void>();
}

net::Task<bool> Exchange::relay_body(net::HeadWriter writer, const ReadAlong& report) {
  const int status = answer_.head.status;
  const bool framed =
      answer_.head.framing == net::Framing::chunked || answer_.head.framing == net::Framing::until_close;
  if (framed && !chunked()) incoming_.close_after_reply();
  if (framed && chunked()) writer.field("Transfer-Encoding", "chunked");
  if (!framed) {
    // A reply to HEAD says how long the body would be.
    const auto length = answer_.head.find(net::FieldName::content_length);
    if (status != 204 && status != 304) writer.field("Content-Length", length.value_or("0"));
  }
  count_reply(status);
  std::string pending(writer.end());
  while (!answer_.body->done()) {
    const auto piece = co_await answer_.body->read_piece();
    if (!piece) {
      incoming_.close_after_reply();  // cut short: the client sees a body that does not end
      co_return false;
    }
    if (report) report(*piece);
    if (claim_) keep_piece(*piece);
    const bool as_chunk = framed && chunked() && !piece->empty();
    if (as_chunk) pending += chunk_head(piece->size());
    // What is read or kept is read to its end, whoever listens.
    const bool sent = co_await incoming_.send(std::exchange(pending, {}), *piece, as_chunk ? "\r\n" : "");
    if (!sent && !report && !claim_) co_return false;
  }
  if (framed && chunked()) pending += "0\r\n\r\n";
  if (!pending.empty()) co_await incoming_.send(pending);
  co_return true;
}

}  // namespace gateway
