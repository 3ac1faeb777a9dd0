// New usage records as server-sent events (WHATWG HTML, "Server-sent events").
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <charconv>

#include "admin/authorize.h"
#include "admin/handlers.h"
#include "admin/reply.h"
#include "admin/usage_query.h"
#include "base/utf8.h"
#include "catalog/tags.h"

namespace admin {
namespace {

using events::FeedPosition;
using events::UsageRecord;

constexpr std::size_t records_a_step = 100;    // that one step reads and sends
constexpr std::int64_t heartbeat_ms = 15'000;  // of silence, after which a comment shows that the stream is alive
constexpr std::int64_t authorize_ms = 10'000;  // a session or key that has ended ends its stream within it
constexpr std::string_view retry = "retry: 2000\n\n";

// "17-203"
std::string text_of(FeedPosition at) { return fmt::format("{}-{}", at.segment, at.record); }

base::Result<FeedPosition> parse_position(std::string_view text) {
  FeedPosition at;
  const char* const end = text.data() + text.size();
  const auto [dash, bad_segment] = std::from_chars(text.data(), end, at.segment);
  const bool divided = bad_segment == std::errc() && dash != end && *dash == '-';
  const auto [stop, bad_record] = std::from_chars(divided ? dash + 1 : end, end, at.record);
  if (!divided || bad_record != std::errc() || stop != end || at.segment < 0 || at.record < 0)
    return base::invalid("Last-Event-ID must be the 'id' of an event of this stream", "Last-Event-ID");
  return at;
}

class UsageStream final : public BodyStream {
 public:
  UsageStream(Services& services, Request request, events::UsageFilter filter, FeedPosition at)
      : services_(services),
        request_(std::move(request)),
        filter_(std::move(filter)),
        at_(at),
        open_streams_(services.open_streams),
        sent_(services.clock.wall_now()),
        authorized_(sent_) {
    ++*open_streams_;
  }
  ~UsageStream() override { --*open_streams_; }
  UsageStream(const UsageStream&) = delete;
  UsageStream& operator=(const UsageStream&) = delete;

  std::int64_t step_ms() const override { return 300; }
  base::Result<std::optional<std::string>> due() override {
    const base::WallTime now = services_.clock.wall_now();
    if (now.ms - authorized_.ms >= authorize_ms) {
      if (!authorize(services_, request_)) return std::nullopt;
      authorized_ = now;
    }
    TRY(std::string bytes, new_records());
    if (bytes.empty() && now.ms - sent_.ms >= heartbeat_ms) bytes = ": alive\n\n";
    if (!bytes.empty()) sent_ = now;
    return bytes;
  }

 private:
  // Far more is written under load than anybody reads: what lies behind the newest is left out, and that is said.
  base::Result<std::string> new_records() {
    TRY(auto found, services_.feed.written_after(at_, records_a_step));
    std::string bytes;
    if (found.size() == records_a_step) {
      TRY(const FeedPosition end, services_.feed.end_of_feed());
      if (end.segment > found.back().first.segment + 1) {
        at_ = end;
        return fmt::format("id: {}\nevent: gap\ndata: {{}}\n\n", text_of(end));
      }
    }
    const auto snapshot = services_.catalog.current();
    for (const auto& [at, record] : found) {
      at_ = at;
      if (!fits(record)) continue;
      fmt::format_to(std::back_inserter(bytes), "id: {}\nevent: record\ndata: {}\n\n", text_of(at),
                     base::valid_utf8(boost::json::serialize(to_json(record, *snapshot))));
    }
    return bytes;
  }
  bool fits(const UsageRecord& record) const {
    return (!filter_.account || record.account == *filter_.account) && (!filter_.key || record.key == *filter_.key) &&
           (!filter_.model || record.model == *filter_.model) &&
           (!filter_.tag || catalog::has_tag(record.tags, *filter_.tag));
  }

  Services& services_;
  const Request request_;
  const events::UsageFilter filter_;
  FeedPosition at_;  // up to here its client has heard
  const OpenStreams open_streams_;
  base::WallTime sent_;
  base::WallTime authorized_;
};

}  // namespace

base::Result<Response> stream_usage(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(auto filter, read_usage_filter(call, *snapshot));
  TRY_STATUS(call.query.finish());
  if (filter.from || filter.to)
    return base::invalid("a stream is of what happens from now on: leave 'from' and 'to' out",
                         filter.from ? "from" : "to");
  FeedPosition at;
  if (call.request.last_event_id.empty()) {
    TRY(at, services.feed.end_of_feed());
  } else {
    TRY(at, parse_position(call.request.last_event_id));
  }
  if (*services.open_streams >= services.options.streams_max) {
    Response refused = problem({base::ErrorType::overloaded,
                                base::Source::gateway,
                                fmt::format("{} streams are open, and no more are served: close one, or ask for "
                                            "/api/v1/usage/records now and then",
                                            *services.open_streams),
                                {}});
    refused.headers.emplace_back("Retry-After", "15");
    return refused;
  }
  Response response{200, "text/event-stream", std::string(retry), {}};
  response.stream = std::make_shared<UsageStream>(services, call.request, std::move(filter), at);
  return response;
}

}  // namespace admin
