#include "meter/reply_reader.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "meter/base64.h"
#include "meter/event_stream.h"
#include "meter/json_sieve.h"
#include "meter/reading.h"
#include "meter/sse_data.h"
#include "meter/stated_cost.h"

namespace meter {
namespace {

bool is_same_name(std::string_view a, std::string_view lower) {
  return std::ranges::equal(a, lower, [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x | 0x20 : x) == y; });
}

struct HeadField {
  std::string_view name;
  Figures::Count Figures::* count;
};
constexpr std::array head_fields{
    HeadField{"x-amzn-bedrock-input-token-count", &Figures::input},
    HeadField{"x-amzn-bedrock-output-token-count", &Figures::output},
    HeadField{"x-amzn-bedrock-cache-read-input-token-count", &Figures::cached},
    HeadField{"x-amzn-bedrock-cache-write-input-token-count", &Figures::write},
    HeadField{"x-prompt-tokens", &Figures::input},
    HeadField{"x-generated-tokens", &Figures::output},
};

void read_head(const ReplyHead& head, Reading& reading) {
  reading.status = head.status;
  for (const ReplyHeader& header : head.headers) {
    if (!header.name.starts_with('x') && !header.name.starts_with('X')) continue;
    for (const HeadField& field : head_fields) {
      std::int64_t count = -1;
      if (!is_same_name(header.name, field.name)) continue;
      const auto [end, error] = std::from_chars(header.value.data(), header.value.data() + header.value.size(), count);
      if (error != std::errc() || end != header.value.data() + header.value.size() || count < 0) continue;
      reading.head.figures.*field.count = count;
      reading.head.any = true;
    }
    if (is_same_name(header.name, "x-litellm-response-cost"))
      reading.reply.provider_cost_usd = plain_decimal(header.value);
    if (is_same_name(header.name, "x-amzn-errortype"))
      reading.reply.error_type = std::string(header.value.substr(0, header.value.find(':')));
  }
}

// What Bedrock wraps around a model's own chunk.
const JsonPaths& chunk_paths() {
  static const JsonPaths paths{"bytes"};
  return paths;
}
// A chunk is a token or so; the whole text of a model that does not stream comes as one.
constexpr std::size_t chunk_bytes_max = 1024 * 1024;
// An event that is longer is sieved, which needs no memory for it.
constexpr std::size_t whole_bytes_max = 64 * 1024;

}  // namespace

const DialectReader& reader_of(Dialect dialect) {
  switch (dialect) {
    case Dialect::chat: return chat_reader;
    case Dialect::responses: return responses_reader;
    case Dialect::runs: return runs_reader;
    case Dialect::embeddings: return embeddings_reader;
    case Dialect::images: return images_reader;
    case Dialect::audio: return audio_reader;
    case Dialect::anthropic: return anthropic_reader;
    case Dialect::gemini: return gemini_reader;
    case Dialect::interactions: return interactions_reader;
    case Dialect::converse: return converse_reader;
    case Dialect::invoke: return invoke_reader;
    case Dialect::cohere: return cohere_reader;
    case Dialect::ollama: return ollama_reader;
    case Dialect::watsonx: return watsonx_reader;
    case Dialect::aleph_alpha: return aleph_alpha_reader;
    case Dialect::tgi: return tgi_reader;
    case Dialect::replicate: return replicate_reader;
    case Dialect::token_count: return token_count_reader;
    case Dialect::none: return none_reader;
  }
  return none_reader;
}

class ReplyReader::Body {
 public:
  Body(Dialect dialect, const ReplyHead& head)
      : dialect_(dialect),
        reader_(reader_of(dialect)),
        sieve_(reader_.paths()),
        chunk_(chunk_paths(), chunk_bytes_max) {
    read_head(head, reading_);
  }

  void feed(std::string_view bytes) {
    reading_.usage_only = false;
    while (framing_ == Framing::unknown && !bytes.empty()) find_framing(bytes);
    switch (framing_) {
      case Framing::unknown: return;
      case Framing::json: return sift(bytes);
      case Framing::events:
        return events_.feed(bytes, [this](std::string_view data) { take_data(data); }, [this] { end_event(); });
      case Framing::messages:
        return messages_.feed(
            bytes, [this](std::string_view payload) { take_payload(payload); },
            [this](const EventStreamReader::Message& message) { take_message(message); });
    }
  }
  Output output() const;
  bool is_usage_only() const { return reading_.usage_only; }
  Reply finish();

 private:
  enum class Framing : std::uint8_t { unknown, json, events, messages };

  void find_framing(std::string_view& bytes);
  void sift(std::string_view bytes) {
    sieve_.feed(bytes, [this](std::string_view kept) { read(kept); });
  }
  void take_data(std::string_view data);
  bool read_whole(std::string_view data);
  void end_event() {
    sieve_.reset();
    last_bytes_ = 0;
    may_be_last_ = true;
  }
  void read(std::string_view kept);
  void take_payload(std::string_view payload);
  void take_message(const EventStreamReader::Message& message);

  Dialect dialect_;
  const DialectReader& reader_;
  Framing framing_ = Framing::unknown;
  std::size_t mark_bytes_ = 0;  // of a byte order mark
  SseData events_;
  EventStreamReader messages_;
  JsonSieve sieve_;
  JsonSieve chunk_;
  std::size_t last_bytes_ = 0;  // of the event that is coming, as far as it may be the last one
  bool may_be_last_ = true;
  bool ended_ = false;
  std::string payload_;  // of the message that is coming: what is kept of it, unread until its checksum is right
  std::string padded_;
  Reading reading_;
};

// By the first byte that says something. JSON begins with a bracket, an AWS event stream with the zero of a length that
// is below 16 MB, anything else is lines.
void ReplyReader::Body::find_framing(std::string_view& bytes) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  const char byte = bytes.front();
  if (mark_bytes_ < byte_order_mark.size() && byte == byte_order_mark[mark_bytes_]) {
    ++mark_bytes_;
    bytes.remove_prefix(1);
  } else if (byte == '{' || byte == '[') {
    framing_ = Framing::json;
  } else if (byte == '\0' || byte == '\1') {
    framing_ = Framing::messages;
    reading_.in_events = true;
  } else if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
    bytes.remove_prefix(1);
  } else {
    framing_ = Framing::events;
    reading_.in_events = true;
  }
}

void ReplyReader::Body::take_data(std::string_view data) {
  constexpr std::string_view last = "[DONE]";  // OpenAI's, and all that follow them
  const std::string_view wanted = last.substr(last_bytes_);
  may_be_last_ = may_be_last_ && wanted.starts_with(data.substr(0, wanted.size()));
  if (may_be_last_) last_bytes_ = std::min(last_bytes_ + data.size(), last.size());
  ended_ = ended_ || last_bytes_ == last.size();
  if (!read_whole(data)) sift(data);
}

// Nearly every event is one object that comes in one piece: it need not be taken apart byte by byte.
bool ReplyReader::Body::read_whole(std::string_view data) {
  if (!data.starts_with('{') || !data.ends_with('}') || data.size() > whole_bytes_max) return false;
  padded_.reserve(data.size() + simdjson::SIMDJSON_PADDING);
  padded_ = data;
  const JsonDocument document(padded_);
  const auto object = document.object();
  if (!object || !sieve_.weigh(*object, data)) return false;
  reader_.on_object(reading_, *object, padded_);
  return true;
}

void ReplyReader::Body::read(std::string_view kept) {
  padded_.reserve(kept.size() + simdjson::SIMDJSON_PADDING);
  padded_ = kept;
  const JsonDocument document(padded_);
  if (const auto object = document.object()) reader_.on_object(reading_, *object, padded_);
}

// Bedrock's invoke wraps what the model said: {"bytes": base64}. Of everything else the payload is the object.
void ReplyReader::Body::take_payload(std::string_view payload) {
  JsonSieve& sieve = dialect_ == Dialect::invoke ? chunk_ : sieve_;
  sieve.feed(payload, [this](std::string_view kept) { payload_ = kept; });
}

void ReplyReader::Body::take_message(const EventStreamReader::Message& message) {
  const std::string payload = std::exchange(payload_, {});
  sieve_.reset();
  chunk_.reset();
  if (message.type == "exception" || message.type == "error") {
    reading_.reply.error_type = message.event;
    return;
  }
  if (payload.empty()) return;
  if (dialect_ != Dialect::invoke) return read(payload);
  padded_.reserve(payload.size() + simdjson::SIMDJSON_PADDING);
  padded_ = payload;
  std::optional<std::string> chunk;
  {
    const JsonDocument document(padded_);
    const auto object = document.object();
    const auto bytes = object ? member_as<std::string_view>(*object, "bytes") : std::nullopt;
    if (bytes) chunk = from_base64(*bytes);
  }
  if (chunk) sift(*chunk);
  sieve_.reset();
}

Reply settled(const DialectReader& reader, Dialect dialect, Reading& reading) {
  Reply& reply = reading.reply;
  const bool by_head = reading.head.any && (dialect == Dialect::invoke || dialect == Dialect::tgi);
  reply.names_usage = reading.has_usage || reading.metrics || by_head;
  if (reply.names_usage || reading.calls != Figures{}) reader.settle(reading, reply);
  if (reply.provider_cost_usd) {
    if (!reply.usage) reply.usage.emplace();
    reply.usage->provider_cost = money_above(*reply.provider_cost_usd);
  }
  if (reply.usage) check_parts(reply);
  reply.unknown_fields = std::move(reading.unknown.names);
  reply.unknown_field_count = reading.unknown.count;
  reply.names_error = reply.error_type.has_value();
  if (reading.status >= 400 && !reply.error_type) reply.error_type = "error";
  return std::move(reply);
}

Reply ReplyReader::Body::finish() {
  Reply reply = settled(reader_, dialect_, reading_);
  if (messages_.is_damaged())
    reply.alarms.push_back("a message of the event stream is damaged: nothing behind it was read");
  if (sieve_.has_overflowed() || chunk_.has_overflowed())
    reply.alarms.push_back("an object of the reply says more of itself than is kept: it was left out");
  return reply;
}

Output ReplyReader::Body::output() const {
  const Weighed& weighed = sieve_.weighed();
  return {.pieces = weighed.objects,
          .tokens_at_most = std::max(weighed.bytes, reading_.figures.output.value_or(0)),
          .ended = ended_};
}

ReplyReader::ReplyReader(Dialect dialect, const ReplyHead& head) : body_(std::make_unique<Body>(dialect, head)) {}
ReplyReader::~ReplyReader() = default;
void ReplyReader::feed(std::string_view bytes) { body_->feed(bytes); }
Output ReplyReader::output() const { return body_->output(); }
bool ReplyReader::is_usage_only() const { return body_->is_usage_only(); }
Reply ReplyReader::finish() { return body_->finish(); }

Reply read_reply(Dialect dialect, const ReplyHead& head, std::string_view padded) {
  if (padded.starts_with('{')) {
    const JsonDocument document(padded);
    if (const auto object = document.object()) {
      const DialectReader& reader = reader_of(dialect);
      Reading reading;
      read_head(head, reading);
      reader.on_object(reading, *object, padded);
      return settled(reader, dialect, reading);
    }
  }
  ReplyReader reader(dialect, head);
  reader.feed(padded);
  return reader.finish();
}

}  // namespace meter
