#include "telemetry/exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "net/head_writer.h"
#include "telemetry/exchange_spans.h"
#include "telemetry/otlp_json.h"

namespace telemetry {
namespace {

constexpr std::int64_t connect_ms = 5'000;
constexpr std::int64_t answer_ms = 10'000;
constexpr std::int64_t answer_bytes_max = 64 << 10;
constexpr std::size_t quoted_bytes_max = 200;

// What a collector says, for the log: one line, and not a long one.
std::string quoted(std::string_view text) {
  std::string out(text.substr(0, quoted_bytes_max));
  for (char& c : out)
    if (c < ' ' || c > '~') c = ' ';
  return out;
}

}  // namespace

Exporter::Exporter(Parts parts)
    : parts_(std::move(parts)),
      client_(parts_.loop,
              {.host = parts_.collector.host, .port = parts_.collector.port, .tls = parts_.tls, .idle_max = 1}),
      timer_(parts_.loop.context().get_executor()) {}

void Exporter::wake() {
  if (idle_) timer_.cancel();
}

void Exporter::end() {
  ending_ = true;
  timer_.cancel();
}

net::Task<void> Exporter::pause(std::int64_t ms) {
  boost::system::error_code ignored;
  timer_.expires_after(std::chrono::milliseconds(ms));
  co_await timer_.async_wait(net::asio::redirect_error(net::use_task, ignored));
  parts_.loop.note_time();
}

net::Task<void> Exporter::run() {
  while (true) {
    if (!ending_ && !parts_.tracer.has_batch()) {
      idle_ = true;
      co_await pause(parts_.batch_every_ms);
      idle_ = false;
    }
    std::vector<EndedExchange> batch = parts_.tracer.take();
    if (batch.empty() && ending_) co_return;
    if (!batch.empty()) co_await deliver(std::move(batch));
  }
}

net::Task<void> Exporter::deliver(std::vector<EndedExchange> batch) {
  std::vector<Span> spans;
  for (const EndedExchange& one : batch) std::ranges::move(spans_of(*one, parts_.scheme), std::back_inserter(spans));
  batch.clear();
  const std::string body = to_otlp_json(parts_.resource, spans);
  const std::size_t count = spans.size();
  spans = {};
  in_hand_ = count;
  for (int tries = 1;; ++tries) {
    Answered answered;
    co_await send(body, answered);
    if (!answered.retry_after.empty()) answered.answer.retry_after = answered.retry_after;
    const Verdict verdict = judge(answered.answer, tries, parts_.random);
    if (verdict.kind == Verdict::Kind::delivered) {
      note_delivered(answered, count);
      break;
    }
    note_failed(answered);
    if (verdict.kind == Verdict::Kind::again && !ending_) {
      co_await pause(verdict.wait_ms);
      continue;
    }
    const bool refused = verdict.kind == Verdict::Kind::refused;
    parts_.tracer.stats().drop(refused ? Drop::refused : ending_ ? Drop::shutdown : Drop::unreachable, count);
    break;
  }
  in_hand_ = 0;
}

net::Task<void> Exporter::send(const std::string& body, Answered& into) {
  // A connection that rested may have been closed meanwhile; a new one says how it is.
  if (auto rested = client_.take_resting()) {
    const base::Status asked = co_await ask(*rested, body, into);
    if (asked) {
      client_.give_back(std::move(rested));
      co_return;
    }
  }
  auto connected = co_await client_.connect(connect_ms);
  if (!connected) {
    into.failure = std::move(connected).error().message;
    co_return;
  }
  const base::Status asked = co_await ask(**connected, body, into);
  if (asked) {
    client_.give_back(std::move(*connected));
  } else {
    into.failure = asked.error().message;
  }
}

net::Task<base::Status> Exporter::ask(net::ClientConnection& connection, const std::string& body, Answered& into) {
  const Collector& collector = parts_.collector;
  net::HeadWriter writer(head_);
  writer.request("POST", {}, collector.path)
      .field("Host", collector.authority())
      .field("User-Agent", fmt::format("metergate/{}", parts_.resource.service_version))
      .field("Content-Type", "application/json")
      .field("Content-Length", static_cast<std::int64_t>(body.size()));
  for (const auto& [name, value] : collector.headers) writer.field(name, value.reveal());
  writer.end();

  const std::int64_t deadline_ms = parts_.loop.now_ms() + answer_ms;
  connection.stream().expires_at(deadline_ms);
  const auto written = co_await connection.stream().write({head_, body, {}});
  if (written.io != net::Io::ok) co_return base::fail(net::io_error(written.io, "sending spans"));
  CO_TRY(const net::ResponseHead head, co_await connection.read_head("POST", deadline_ms));
  into.answer.status = head.status;
  into.retry_after = head.find("retry-after").value_or("");
  // What it says beside its status is for the log: without it the status stands.
  const auto said = co_await connection.open_body(head, answer_ms, deadline_ms).read_all(answer_bytes_max);
  if (said) into.body = *said;
  co_return base::Status();
}

void Exporter::note_delivered(const Answered& answered, std::size_t spans) {
  ExportStats& stats = parts_.tracer.stats();
  const Rejected rejected = read_rejected(answered.body);
  const std::size_t lost = std::min(static_cast<std::size_t>(rejected.spans), spans);
  stats.exported += static_cast<std::int64_t>(spans - lost);
  if (lost > 0) {
    stats.drop(Drop::refused, lost);
    stats.failed_exports += 1;
    stats.last_failure_ms = parts_.loop.clock().wall_now().ms;
    if (!failing_)
      base::log::warn("the collector {} does not take {} of {} spans, and says: '{}'", parts_.collector.origin(), lost,
                      spans, quoted(rejected.message));
    failing_ = true;
    return;
  }
  if (failing_) base::log::info("the collector {} takes spans again", parts_.collector.origin());
  failing_ = false;
}

void Exporter::note_failed(const Answered& answered) {
  ExportStats& stats = parts_.tracer.stats();
  stats.failed_exports += 1;
  stats.last_failure_ms = parts_.loop.clock().wall_now().ms;
  if (std::exchange(failing_, true)) return;
  std::string why = quoted(answered.failure);
  if (answered.answer.status != 0) why = fmt::format("it answered {}", answered.answer.status);
  if (!answered.body.empty()) why += ": " + quoted(answered.body);
  base::log::warn(
      "the collector {} does not take spans: {}; calls go on without it, and what it does not take in time is dropped "
      "(metergate_spans_dropped_total)",
      parts_.collector.origin(), why);
}

void Exporter::drop_rest() {
  ExportStats& stats = parts_.tracer.stats();
  stats.drop(Drop::shutdown, std::exchange(in_hand_, 0));
  for (auto batch = parts_.tracer.take(); !batch.empty(); batch = parts_.tracer.take())
    for (const EndedExchange& one : batch) stats.drop(Drop::shutdown, spans_in(*one));
}

}  // namespace telemetry
