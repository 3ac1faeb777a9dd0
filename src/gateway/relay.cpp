// The second half of an exchange: the reply comes back, is metered while it passes, and the cost is settled.
#include <algorithm>
#include <boost/container/small_vector.hpp>

#include <fmt/format.h>

#include "base/assert.h"
#include "gateway/estimate.h"
#include "gateway/exchange.h"
#include "gateway/stream_end.h"
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

// Statuses with which a provider says that it did not do the work, and so does not bill it. A 5xx of something between
// us and the provider (502, 504) proves nothing.
bool is_definite_refusal(int status, const meter::Reply& reply) {
  return (status >= 400 && status < 500) || ((status == 500 || status == 503 || status == 529) && reply.names_error);
}

// Refusals that say something about the upstream, and not about the request: another one may well serve it.
bool is_of_this_upstream(int status) {
  switch (status) {
    case 401:  // our key there
    case 402:  // our money there
    case 403:
    case 404:  // a model that it does not have
    case 408:
    case 429: return true;
    default: return status >= 500;
  }
}

// What add_cost_fields writes.
constexpr std::string_view trailer_names =
    "X-Request-Cost, X-Estimated-Cost, X-Input-Tokens, X-Tokens-Used, "
    "X-Output-Clamped, X-Budget-Remaining, X-Budget-Period, X-Budget-Warning";

// As operators say it: daily, monthly, cycle:15, rolling:5h.
std::string period_of(const base::WindowPolicy& window) {
  using Kind = base::WindowPolicy::Kind;
  if (window.kind == Kind::day) return "daily";
  const bool calendar = window.kind < Kind::cycle;
  return base::to_string(window) + (calendar ? "ly" : "");
}

// No event that carries output is shorter, in any dialect: {"response":"a"}
constexpr std::int64_t smallest_event_bytes = 16;

// The fields in which providers say what a call used.
class ReplyHeaders {
 public:
  explicit ReplyHeaders(const net::ResponseHead& head) : status_(head.status) {
    for (const net::Field& field : head.fields)
      if (field.name.starts_with('x') || field.name.starts_with('X')) fields_.push_back({field.name, field.value});
  }
  meter::ReplyHead head() const { return {.status = status_, .headers = fields_}; }

 private:
  int status_;
  boost::container::small_vector<meter::ReplyHeader, 16> fields_;
};

std::string chunk_head(std::size_t size) { return fmt::format("{:x}\r\n", size); }

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
    const catalog::Upstream& upstream = *worker_.settings_.find_upstream(target_->upstream);
    const bool trusts = upstream.stated_cost == catalog::StatedCost::trusted;
    const meter::BilledCall call{.book = *worker_.settings_.prices,
                                 .provider = upstream.provider,
                                 .asked = plan_.price,
                                 .request = &plan_.request,
                                 .stated = trusts ? meter::StatedCost::trusted : meter::StatedCost::ignored};
    const meter::ExchangeBill bill = meter::bill_exchange(call, reply, usage);
    if (reply.unknown_field_count > 0) note_unknown_fields(upstream.provider, reply, worker_.stats_);
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
  std::move(*reservation_).settle(actual, certainty);
  reservation_.reset();
}

std::unexpected<Failure> Exchange::give_up(Failure failure) {
  events::UsageRecord& record = reservation_->record();
  record.outcome = events::Outcome::failed;
  record.error = failure.error.type;
  record.fault = failure.error.source;
  finish_record(record, failure.status());
  if (claim_ && !reservation_->sent()) std::move(*claim_).free();
  claim_.reset();
  if (reservation_->sent()) {
    worker_.stats_.unknown_usage.add();
    std::move(*reservation_).settle({.requests = 1}, meter::Certainty::at_least);
  } else {
    std::move(*reservation_).release();
  }
  reservation_.reset();
  return fail(std::move(failure));
}

// --- another upstream
// --------------------------------------------------------------------------------------------------

bool Exchange::goes_on(events::Attempt failed) {
  events::UsageRecord& record = reservation_->record();
  if (record.attempts.size() + 1 == events::attempts_max) return false;
  failed.upstream = target_->upstream;
  failed.duration_us = base::ns_between(attempt_began_, worker_.loop_.now()) / 1000;
  record.attempts.push_back(std::move(failed));
  const catalog::Target* const next = worker_.upstreams_->choose(*route_, record.attempts);
  if (next == nullptr || !pays_at(*next)) {
    record.attempts.pop_back();
    return false;
  }
  target_ = next;
  record.upstream = next->upstream;
  record.first_byte_us = 0;
  worker_.stats_.fallbacks.add();
  return true;
}

bool Exchange::pays_at(const catalog::Target& target) {
  if (plan_.price == nullptr) return true;  // it is free, or has a price of its own
  const Settings& settings = worker_.settings_;
  const meter::PricedModel* const price = settings.find_price(*settings.find_upstream(target.upstream), plan_.request);
  if (price == plan_.price) return true;
  if (price == nullptr) return false;
  const auto there = worst_case(plan_.request, *price, plan_.output_cap, *route_, caller_->payer());
  if (!there || there->usd > plan_.worst_case.usd || there->input_tokens > plan_.worst_case.input_tokens) return false;
  plan_.price = price;
  return true;
}

bool Exchange::goes_on_after(const base::Error& error) {
  if (reservation_->sent()) return false;  // nobody knows what the upstream did with it
  return goes_on({.upstream = {}, .error = error.type, .fault = error.source});
}

bool Exchange::goes_on_after(const meter::Reply& refusal) {
  const int status = answer_.head.status;
  if (refusal.usage || !is_definite_refusal(status, refusal) || !is_of_this_upstream(status)) return false;
  if (!goes_on({.upstream = {}, .status = status, .fault = Source::upstream_refusal})) return false;
  reservation_->mark_unsent();
  answer_.finish();
  return true;
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
  settle(read_reply(body), 0, true);
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

// --- a stream
// ----------------------------------------------------------------------------------------------------------

std::string Exchange::stream_head() {
  net::HeadWriter writer = open_head();
  add_cost_fields(writer);
  if (chunked()) {
    writer.field("Transfer-Encoding", "chunked");
    if (head_.accepts_trailers) writer.field("Trailer", trailer_names);
  }
  return std::string(writer.end());
}

// What follows the stream's last byte: the cost for those who asked for it, and the end of the framing.
std::string Exchange::stream_end(meter::Framing framing) {
  std::string end;
  if (wants_cost_comment_ && framing == meter::Framing::sse) {  // no other knows comments
    const std::string comment = fmt::format(": cost {}\n\n", cost_->to_usd());
    end += chunked() ? chunk_head(comment.size()) + comment + "\r\n" : comment;
  }
  if (!chunked()) return end;
  end += "0\r\n";
  if (head_.accepts_trailers) {
    net::HeadWriter writer(worker_.scratch_);
    add_cost_fields(writer);
    end += worker_.scratch_;
  }
  return end += "\r\n";
}

net::Task<Outcome<void>> Exchange::relay_stream() {
  if (!chunked()) incoming_.close_after_reply();
  count_reply(answer_.head.status);
  // The head goes with the first bytes where they are there already, and at once where they are not.
  const auto type = answer_.head.find(net::FieldName::content_type).value_or("");
  Stream stream{.reader = meter::ReplyReader(endpoint_.dialect, ReplyHeaders(answer_.head).head()),
                .splitter = meter::StreamSplitter(meter::StreamSplitter::max_event_bytes, meter::StreamScan(type))};
  stream.by_event = plan_.hide_usage;
  stream.cap = plan_.output_cap * plan_.request.choices;
  stream.pending = stream_head();
  if (!answer_.body->has_buffered()) co_await incoming_.send(std::exchange(stream.pending, {}));
  const bool aborts = worker_.settings_.find_upstream(target_->upstream)->on_hangup == catalog::Hangup::abort;
  while (!answer_.body->done() && !stream.cut) {
    const auto piece = co_await answer_.body->read_piece();
    if (!piece) {
      stream.broken = of_upstream(piece.error());
      break;
    }
    co_await pass_on(stream, *piece);
    // Else a client that hangs up changes nothing: what the provider produces is billed, so it is read to its end.
    if (aborts && incoming_.client_gone() && !stream.cut && !answer_.body->done()) break_off(stream);
  }
  co_return co_await end_stream(stream);
}

void Exchange::break_off(Stream& stream) {
  stream.broken =
      Failure({ErrorType::upstream_error, Source::client, "the client hung up before its reply had ended", {}});
  stream.cut = true;
}

net::Task<void> Exchange::pass_on(Stream& stream, std::string_view piece) {
  // What may go beyond the cap goes on when it is known not to, or to be paid for. A piece may end an event that began
  // before it, bring whole ones, and begin one more.
  if (!stream.by_event && stream.reader.output().pieces + std::ssize(piece) / smallest_event_bytes + 2 > stream.cap) {
    stream.by_event = true;
    stream.gone_on = stream.splitter.rest().size();
  }
  // Where nothing has to be hidden the bytes go on before they are read; else whole events do.
  std::string_view visible = piece;
  if (stream.by_event) {
    read_piece(stream, piece);
    visible = stream.visible;
    if (is_beyond(stream) && !pays_for(stream) && !co_await pays_in_time(stream))
      visible = visible.substr(0, stream.paid_for);
  }
  if (claim_) keep_piece(visible);
  if (!visible.empty()) {
    if (chunked()) stream.pending += chunk_head(visible.size());
    co_await incoming_.send(stream.pending, visible, chunked() ? "\r\n" : "");
    stream.pending.clear();
  }
  if (!stream.by_event) read_piece(stream, piece);
}

void Exchange::read_piece(Stream& stream, std::string_view piece) {
  stream.visible.clear();
  stream.paid_for = 0;
  stream.unpaid_events = 0;
  stream.splitter.feed(piece, [&](std::string_view event) {
    stream.reader.feed(event);
    const bool usage_only = stream.reader.is_usage_only();
    stream.ended = stream.ended || usage_only || stream.reader.output().ended;
    if (plan_.hide_usage && usage_only) return;
    ++stream.events;
    if (!stream.by_event) return;
    stream.visible += event.substr(std::exchange(stream.gone_on, 0));
    if (is_beyond(stream)) {
      ++stream.unpaid_events;
    } else {
      stream.paid_for = stream.visible.size();
    }
  });
}

// Half an event takes what follows it for its own rest. One that has gone on already can be ended as lines are, by the
// end of a line; else only the end of the connection says that nothing more comes.
std::string Exchange::broken_end(Stream& stream, const Failure& failure) {
  claim_.reset();  // nobody knows how it would have gone on
  events::UsageRecord& record = reservation_->record();
  record.error = failure.error.type;
  record.fault = failure.error.source;
  worker_.stats_.faults[static_cast<std::size_t>(failure.error.source)].add();
  const meter::Framing framing = stream.splitter.scan().framing();
  const bool half_gone = !stream.splitter.rest().empty() && (!stream.by_event || stream.gone_on > 0);
  const bool in_lines = framing == meter::Framing::sse || framing == meter::Framing::lines;
  if (half_gone && !in_lines) {
    stream.open_end = true;
    incoming_.close_after_reply();
    return {};
  }
  const std::int64_t sent = stream.events - (stream.cut ? stream.unpaid_events : 0);
  return (half_gone ? "\n\n" : "") + gateway::stream_end(failure, {request_id_, sizeof request_id_}, endpoint_,
                                                         {.framing = framing, .events = sent, .cut = stream.cut});
}

net::Task<Outcome<void>> Exchange::end_stream(Stream& stream) {
  const std::string_view rest = stream.splitter.rest();
  stream.reader.feed(rest);
  const bool hidden = stream.reader.is_usage_only();
  const bool shown = stream.by_event && !stream.broken && !(plan_.hide_usage && hidden);
  std::string last(shown ? rest.substr(stream.gone_on) : std::string_view());
  if (claim_) keep_piece(last);
  if (stream.broken) last = broken_end(stream, *stream.broken);
  const std::int64_t pieces = stream.reader.output().pieces;
  settle(stream.reader.finish(), pieces, !stream.broken);
  if (claim_) keep_reply();
  if (stream.cut) answer_.connection.reset();  // the provider is to stop now, however slow the client takes its end
  if (!last.empty()) stream.pending += chunked() ? chunk_head(last.size()) + last + "\r\n" : last;
  if (!stream.open_end) stream.pending += stream_end(stream.splitter.scan().framing());
  co_await incoming_.send(stream.pending);
  if (incoming_.client_gone()) worker_.stats_.client_hangups.add();
  if (!stream.broken) answer_.finish();
  co_return Outcome<void>();
}

// --- what is not read for its cost
// -------------------------------------------------------------------------------------

net::Task<Outcome<void>> Exchange::relay_unmetered() {
  const int status = answer_.head.status;
  events::UsageRecord& record = reservation_->record();
  record.outcome = status < 400 ? events::Outcome::served : events::Outcome::failed;
  if (status >= 400) record.fault = Source::upstream_refusal;
  record.usage = meter::Usage{.input_tokens = 0, .output_tokens = 0};  // known to be none
  finish_record(record, status);
  std::move(*reservation_).release();
  reservation_.reset();

  net::HeadWriter writer = open_head();
  add_budget_fields(writer);
  if (co_await relay_body(writer, nullptr)) answer_.finish();
  co_return Outcome<void>();
}

net::Task<bool> Exchange::relay_body(net::HeadWriter writer, meter::ReportReader* report) {
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
    if (report != nullptr) report->feed(*piece);
    if (claim_) keep_piece(*piece);
    const bool as_chunk = framed && chunked() && !piece->empty();
    if (as_chunk) pending += chunk_head(piece->size());
    // What is read or kept is read to its end, whoever listens.
    const bool sent = co_await incoming_.send(std::exchange(pending, {}), *piece, as_chunk ? "\r\n" : "");
    if (!sent && report == nullptr && !claim_) co_return false;
  }
  if (framed && chunked()) pending += "0\r\n\r\n";
  if (!pending.empty()) co_await incoming_.send(pending);
  co_return true;
}

}  // namespace gateway
