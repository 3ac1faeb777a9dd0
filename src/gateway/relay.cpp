// The second half of an exchange: the reply comes back, is metered while it passes, and the cost is settled.
#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"
#include "gateway/exchange.h"

namespace gateway {
namespace {

using base::ErrorType;
using base::Source;

// Reply fields of the upstream that are not passed on: framing is ours, cookies are the shared account's, and the
// request id that a client quotes is ours (the upstream's own is kept under another name).
bool is_withheld_from_client(std::string_view name) {
  return net::equals_ignoring_case(name, "content-length") || net::equals_ignoring_case(name, "set-cookie");
}

// Statuses with which a provider says that it did not do the work, and so does not bill it. A 5xx of something between
// us and the provider (502, 504) proves nothing.
bool is_definite_refusal(int status, const meter::ChatReply& reply) {
  return (status >= 400 && status < 500) || ((status == 500 || status == 503 || status == 529) && reply.is_error);
}

std::string_view period_of(base::WindowKind window) { return window == base::WindowKind::day ? "daily" : "monthly"; }

std::string chunk_head(std::size_t size) { return fmt::format("{:x}\r\n", size); }

}  // namespace

// --- the reply's head --------------------------------------------------------------------------------------------------

net::HeadWriter Exchange::open_head(const Answer& answer) {
  net::HeadWriter writer(worker_.scratch_);
  writer.response(answer.head.status, answer.head.reason.empty() ? net::reason_of(answer.head.status) : answer.head.reason);
  const auto connection = answer.head.find("connection");
  for (const net::Field& field : answer.head.fields) {
    if (net::is_hop_by_hop(field.name) || is_withheld_from_client(field.name)) continue;
    if (connection && net::has_token(*connection, field.name)) continue;
    const bool request_id = net::equals_ignoring_case(field.name, "x-request-id");
    writer.field(request_id ? "X-Upstream-Request-Id" : field.name, field.value);
  }
  writer.field("X-Request-Id", request_id_);
  if (!incoming_.keep_alive()) writer.field("Connection", "close");
  return writer;
}

void Exchange::add_cost_fields(net::HeadWriter& writer, const Plan& plan) {
  if (cost_) writer.field("X-Request-Cost", cost_->to_usd());
  writer.field("X-Estimated-Cost", estimate_.to_usd());
  if (usage_ && usage_->input_tokens) writer.field("X-Input-Tokens", *usage_->input_tokens);
  if (usage_ && usage_->input_tokens && usage_->output_tokens)
    writer.field("X-Tokens-Used", *usage_->input_tokens + *usage_->output_tokens);
  if (plan.clamped_to) writer.field("X-Output-Clamped", *plan.clamped_to);
  add_budget_fields(writer);
}

void Exchange::add_budget_fields(net::HeadWriter& writer) {
  const catalog::Limit* tightest = nullptr;
  std::int64_t left = 0;
  for (const catalog::Limit* limit : caller_->limits) {
    if (limit->unit != catalog::LimitUnit::usd) continue;
    const auto remaining = worker_.admission_.remaining(*limit, record_.started);
    if (!remaining || (tightest != nullptr && *remaining >= left)) continue;
    tightest = limit;
    left = *remaining;
  }
  if (tightest == nullptr) return;
  writer.field("X-Budget-Remaining", base::Money::from_nanos(std::max<std::int64_t>(left, 0)).to_usd());
  writer.field("X-Budget-Period", period_of(tightest->window));
}

// --- settling ----------------------------------------------------------------------------------------------------------

void Exchange::settle(quota::Reservation reservation, const meter::ChatReply& reply, const Plan& plan, int status,
                      std::int64_t output_chunks, bool came_whole) {
  events::UsageRecord& record = reservation.record();
  record.served_model = reply.model;
  record.usage = reply.usage;
  record.outcome = status < 400 && came_whole ? events::Outcome::served : events::Outcome::failed;
  if (status >= 400) {
    record.error = ErrorType::upstream_error;
    record.fault = Source::upstream_refusal;
    worker_.stats_.faults[static_cast<std::size_t>(Source::upstream_refusal)].add();
  }
  finish_record(record, status);
  const base::Money reserved = estimate_;

  quota::Amounts actual{.usd = {}, .tokens = 0, .requests = 1};
  if (!reply.usage && is_definite_refusal(status, reply)) {
    cost_ = base::Money::zero();
    std::move(reservation).settle(actual, meter::Certainty::exact);
    return;
  }
  // The served model's price, if it has one of its own; what was served at another tier is billed at that tier.
  const meter::ModelPrice* price = reply.model.empty() ? nullptr : worker_.settings_.prices->find(reply.model);
  if (price == nullptr) price = plan.price;
  const auto tier = reply.service_tier ? meter::service_tier_from(*reply.service_tier) : plan.request.tier;
  meter::Usage usage = reply.usage.value_or(
      meter::Usage{.input_tokens = {}, .output_tokens = output_chunks, .certainty = meter::Certainty::at_least});
  const auto cost = price->cost(usage, tier);
  const bool exact = reply.usage && came_whole && cost && usage.input_tokens && usage.output_tokens;
  if (!exact) {
    // Book what was counted, input unknown counting as none; the rest of the reservation stays unresolved.
    usage.certainty = meter::Certainty::at_least;
    record.usage = usage;
    worker_.stats_.unknown_usage.add();
    usage.input_tokens = usage.input_tokens.value_or(0);
    usage.output_tokens = usage.output_tokens.value_or(0);
  }
  actual.usd = cost.value_or(price->cost(usage, tier).value_or(base::Money::zero()));
  actual.tokens = *usage.input_tokens + *usage.output_tokens;
  usage_ = record.usage;
  cost_ = actual.usd;
  if (actual.usd > reserved) worker_.stats_.overruns.add();
  worker_.stats_.cost_nanos.add(actual.usd.nanos());
  std::move(reservation).settle(actual, exact ? meter::Certainty::exact : meter::Certainty::at_least);
}

void Exchange::give_up(quota::Reservation reservation, const base::Error& error, int status) {
  events::UsageRecord& record = reservation.record();
  record.outcome = events::Outcome::failed;
  record.error = error.type;
  record.fault = error.source;
  finish_record(record, status);
  if (!reservation.sent()) {
    std::move(reservation).release();
    return;
  }
  worker_.stats_.unknown_usage.add();
  std::move(reservation).settle({.usd = {}, .tokens = 0, .requests = 1}, meter::Certainty::at_least);
}

// --- a plain reply -----------------------------------------------------------------------------------------------------

net::Task<Outcome<void>> Exchange::relay_plain(Answer answer, quota::Reservation reservation, const Plan& plan) {
  // Read whole before the first byte goes on, so that the head can say what it cost.
  const auto body = co_await answer.body->read_all(route_->max_reply_bytes);
  if (!body) {
    Failure failure(body.error());
    if (failure.error.type == ErrorType::invalid_request || failure.error.type == ErrorType::payload_too_large)
      failure.error = {ErrorType::upstream_error, Source::upstream_refusal,
                       fmt::format("the upstream's reply cannot be passed on: {}", failure.error.message), {}};
    give_up(std::move(reservation), failure.error, failure.status());
    co_return fail(std::move(failure));
  }
  const int status = answer.head.status;
  settle(std::move(reservation), meter::read_chat_reply(*body), plan, status, 0, true);
  net::HeadWriter writer = open_head(answer);
  add_cost_fields(writer, plan);
  writer.field("Content-Length", static_cast<std::int64_t>(body->size()));
  worker_.stats_.replies[static_cast<std::size_t>(status) / 100].add();
  if (!co_await incoming_.send(writer.end(), *body)) worker_.stats_.client_hangups.add();
  answer.finish();
  co_return Outcome<void>();
}

// --- a stream ----------------------------------------------------------------------------------------------------------

std::string Exchange::stream_head(const Answer& answer, const Plan& plan) {
  net::HeadWriter writer = open_head(answer);
  add_cost_fields(writer, plan);
  if (head_.minor_version == 1) {
    writer.field("Transfer-Encoding", "chunked");
    if (head_.accepts_trailers) writer.field("Trailer", "X-Request-Cost, X-Input-Tokens, X-Tokens-Used, X-Budget-Remaining");
  }
  return std::string(writer.end());
}

// What follows the stream's last byte: the cost for those who asked for it, and the end of the framing.
std::string Exchange::stream_end(const Plan& plan) {
  std::string end;
  if (wants_cost_comment_) {
    const std::string comment = fmt::format(": cost {}\n\n", cost_->to_usd());
    end += head_.minor_version == 1 ? chunk_head(comment.size()) + comment + "\r\n" : comment;
  }
  if (head_.minor_version == 1) {
    end += "0\r\n";
    if (head_.accepts_trailers) {
      net::HeadWriter writer(worker_.scratch_);
      add_cost_fields(writer, plan);
      end += worker_.scratch_;
    }
    end += "\r\n";
  }
  return end;
}

net::Task<Outcome<void>> Exchange::relay_stream(Answer answer, quota::Reservation reservation, const Plan& plan) {
  const bool chunked = head_.minor_version == 1;
  if (!chunked) incoming_.close_after_reply();
  // The head goes with the first bytes where they are there already, and at once where they are not.
  std::string pending = stream_head(answer, plan);
  worker_.stats_.replies[static_cast<std::size_t>(answer.head.status) / 100].add();
  if (!answer.body->has_buffered()) co_await incoming_.send(std::exchange(pending, {}));

  meter::SseSplitter splitter;
  meter::ChatStreamReader reader;
  std::string kept;  // of a piece, the events that the client gets
  std::optional<base::Error> broken;
  // A client that hangs up changes nothing here: what the provider produces is billed, so it is read to its end.
  while (!answer.body->done()) {
    const auto piece = co_await answer.body->read_piece();
    if (!piece) {
      broken = piece.error();
      break;
    }
    std::string_view visible = *piece;
    kept.clear();
    const auto meter_piece = [&] {
      splitter.feed(*piece, [&](const meter::SseSplitter::Event& event) {
        const auto verdict = event.data.empty() ? meter::ChatStreamReader::Verdict::pass : reader.on_event(event.data);
        if (plan.hide_usage && verdict == meter::ChatStreamReader::Verdict::pass) kept += event.raw;
      });
    };
    // Where nothing has to be hidden the bytes go on before they are read.
    if (plan.hide_usage) {
      meter_piece();
      visible = kept;
    }
    if (!visible.empty()) {
      if (chunked) pending += chunk_head(visible.size());
      co_await incoming_.send(std::exchange(pending, {}), visible, chunked ? "\r\n" : "");
    }
    if (!plan.hide_usage) meter_piece();
  }
  co_return co_await end_stream(std::move(answer), std::move(reservation), plan, splitter, reader, std::move(pending), broken);
}

net::Task<Outcome<void>> Exchange::end_stream(Answer answer, quota::Reservation reservation, const Plan& plan,
                                              meter::SseSplitter& splitter, meter::ChatStreamReader& reader,
                                              std::string pending, std::optional<base::Error> broken) {
  const meter::SseSplitter::Event rest = splitter.cut_off();
  const bool hidden = !rest.data.empty() && reader.on_event(rest.data) == meter::ChatStreamReader::Verdict::usage_only;
  std::string last = plan.hide_usage && !hidden ? std::string(rest.raw) : std::string();
  if (broken) {
    reservation.record().error = broken->type;
    reservation.record().fault = broken->source;
    worker_.stats_.faults[static_cast<std::size_t>(broken->source)].add();
    last += "data: " + error_body(Failure(*broken), request_id_) + "\n\n";
  }
  settle(std::move(reservation), reader.reply(), plan, answer.head.status, reader.output_chunks(), !broken);
  if (!last.empty()) pending += head_.minor_version == 1 ? chunk_head(last.size()) + last + "\r\n" : last;
  pending += stream_end(plan);
  co_await incoming_.send(pending);
  if (incoming_.client_gone()) worker_.stats_.client_hangups.add();
  if (!broken) answer.finish();
  co_return Outcome<void>();
}

// --- what costs nothing ------------------------------------------------------------------------------------------------

net::Task<Outcome<void>> Exchange::relay_unmetered(Answer answer, quota::Reservation reservation) {
  const int status = answer.head.status;
  events::UsageRecord& record = reservation.record();
  record.outcome = status < 400 ? events::Outcome::served : events::Outcome::failed;
  if (status >= 400) record.fault = Source::upstream_refusal;
  finish_record(record, status);
  std::move(reservation).release();

  const bool chunked = answer.head.framing == net::Framing::chunked || answer.head.framing == net::Framing::until_close;
  if (chunked && head_.minor_version == 0) incoming_.close_after_reply();
  net::HeadWriter writer = open_head(answer);
  add_budget_fields(writer);
  if (chunked && head_.minor_version == 1) writer.field("Transfer-Encoding", "chunked");
  if (!chunked) {
    // A reply to HEAD says how long the body would be.
    const auto length = answer.head.find("content-length");
    if (status != 204 && status != 304) writer.field("Content-Length", length.value_or("0"));
  }
  worker_.stats_.replies[static_cast<std::size_t>(status) / 100].add();
  std::string pending(writer.end());
  while (!answer.body->done()) {
    const auto piece = co_await answer.body->read_piece();
    if (!piece) {
      incoming_.close_after_reply();  // cut short: the client sees a body that does not end
      co_return Outcome<void>();
    }
    const bool framed = chunked && head_.minor_version == 1 && !piece->empty();
    if (framed) pending += chunk_head(piece->size());
    if (!co_await incoming_.send(std::exchange(pending, {}), *piece, framed ? "\r\n" : "")) co_return Outcome<void>();
  }
  if (chunked && head_.minor_version == 1) pending += "0\r\n\r\n";
  if (!pending.empty()) co_await incoming_.send(pending);
  answer.finish();
  co_return Outcome<void>();
}

}  // namespace gateway
