// A stream on its way through: passed on as it comes, read for what it used, and ended so that its client can tell how.
#include <fmt/format.h>

#include "gateway/exchange.h"
#include "gateway/reply_fields.h"
#include "gateway/stream_end.h"

namespace gateway {
namespace {

using base::ErrorType;
using base::Source;

// What add_cost_fields writes.
constexpr std::string_view trailer_names =
    "X-Request-Cost, X-Estimated-Cost, X-Input-Tokens, X-Tokens-Used, "
    "X-Output-Clamped, X-Budget-Remaining, X-Budget-Period, X-Budget-Warning";

// No event that carries output is shorter, in any dialect: {"response":"a"}
constexpr std::int64_t smallest_event_bytes = 16;

}  // namespace

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
  if (wants_cost_comment_ && cost_ && framing == meter::Framing::sse) {  // no other knows comments
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
  if (plan_.request.background && plan_.price != nullptr) {
    stream.work = std::make_unique<meter::WorkStream>();
    stream.by_event = true;  // nothing of the work goes on before it is written down whose it is
  }
  stream.cap = plan_.output_cap * plan_.request.choices;
  stream.pending = stream_head();
  if (!answer_.body->has_buffered()) co_await incoming_.send(std::exchange(stream.pending, {}));
  const bool aborts = upstream_named(target_->upstream).on_hangup == catalog::Hangup::abort;
  while (!answer_.body->done() && !stream.cut) {
    const auto piece = co_await answer_.body->read_piece();
    if (!piece) {
      stream.broken = of_upstream(piece.error());
      break;
    }
    if (trace_ && !trace_->attempts.back().first_chunk) trace_->attempts.back().first_chunk = worker_.loop_.now();
    co_await pass_on(stream, *piece);
    // Else a client that hangs up changes nothing: what the provider produces is billed, so it is read to its end.
    if (aborts && incoming_.client_gone() && !stream.cut && !answer_.body->done())
      break_off(stream,
                {ErrorType::upstream_error, Source::client, "the client hung up before its reply had ended", {}});
    // Nobody knows what such bytes say, nor how much of it: nothing of it is paid for.
    if (stream.splitter.scan().is_damaged() && !stream.cut)
      break_off(stream,
                {ErrorType::upstream_error, Source::upstream_refusal, "the upstream's event stream is damaged", {}});
  }
  co_return co_await end_stream(stream);
}

void Exchange::break_off(Stream& stream, base::Error why) {
  stream.broken = Failure(std::move(why));
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
    if (stream.work && stream.work->object() && !stream.work_named) co_await name_work(stream);
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
    if (stream.work) stream.work->feed(event);
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
  if (trace_) trace_->attempts.back().error = failure.error.type;
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
  if (stream.work) {
    stream.work->feed(rest);
    stream.work->finish();
    if (stream.work->object() && !stream.work_named) co_await name_work(stream);
  }
  const bool hidden = stream.reader.is_usage_only();
  const bool shown = stream.by_event && !stream.broken && !(plan_.hide_usage && hidden);
  std::string last(shown ? rest.substr(stream.gone_on) : std::string_view());
  if (claim_) keep_piece(last);
  if (stream.broken) last = broken_end(stream, *stream.broken);
  const std::int64_t pieces = stream.reader.output().pieces;
  const meter::Reply said = stream.reader.finish();
  if (work_goes_on(stream, said)) {
    leave_held();
  } else {
    settle(said, pieces, !stream.broken || stream.work);  // work that has ended has said all that it used
  }
  if (claim_) keep_reply();
  if (stream.cut) answer_.connection.reset();  // the provider is to stop now, however slow the client takes its end
  if (!last.empty()) stream.pending += chunked() ? chunk_head(last.size()) + last + "\r\n" : last;
  if (!stream.open_end) stream.pending += stream_end(stream.splitter.scan().framing());
  co_await incoming_.send(stream.pending);
  if (incoming_.client_gone()) worker_.stats_.client_hangups.add();
  if (!stream.broken) answer_.finish();
  co_return Outcome<void>();
}

}  // namespace gateway
