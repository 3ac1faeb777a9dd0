#include "store/usage_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "events/packed_usage.h"

namespace store {
namespace {

// Of what is written. Format 1 is read, too: its usages know fewer counts (events/packed_usage.h); and format 2, whose
// records do not say which limit refused them.
constexpr std::uint8_t version = 3;
constexpr std::size_t header_bytes = 1 + sizeof(std::uint64_t);

using events::packed::errors;
using events::packed::faults;
using events::packed::number_in;
using events::packed::outcomes;
using events::packed::value_in;

// The first byte after the time: what is there, and the outcome's number above it.
enum Flag : std::uint8_t { is_stream = 1, has_usage = 2, has_error = 4, has_fault = 8, has_tags = 0x80 };
constexpr unsigned outcome_shift = 4;
constexpr unsigned outcome_mask = 7;

constexpr std::size_t uuid_bytes = sizeof(base::Uuid::bytes);
constexpr std::size_t refused_by_bytes_max = uuid_bytes + 6 * number_bytes_max + 2;
// The most that a record takes without its holds, and that one hold takes.
constexpr std::size_t record_bytes_max = uuid_bytes + 8 + 17 * number_bytes_max + events::packed::usage_bytes_max +
                                         events::packed::attempts_bytes_max + refused_by_bytes_max;
constexpr std::size_t hold_bytes_max = 6 * number_bytes_max;

// Sixteen bits for a value, four of them set, let one in some four hundred others pass.
constexpr std::size_t digest_bits_per_value = 16;
constexpr int digest_probes = 4;

template <class Act>
bool all_probes(std::size_t bits, std::uint64_t hash, Act act) {
  const std::uint64_t step = hash >> 32 | 1;
  for (int probe = 0; probe < digest_probes; ++probe, hash += step)
    if (const std::uint64_t bit = hash % bits; !act(bit / 8, static_cast<unsigned char>(1 << bit % 8))) return false;
  return true;
}

std::string_view bytes_of(const base::Uuid& id) { return {reinterpret_cast<const char*>(id.bytes.data()), uuid_bytes}; }

void write_refused_by(ByteWriter& out, const events::RefusedBy& refused) {
  out.bytes(refused.limit.uuid.bytes.data(), uuid_bytes);
  for (const std::int64_t value : {refused.label.ms, refused.required, refused.available, refused.amount})
    out.signed_number(value);
  out.byte(refused.resets_at ? 1 : 0);
  if (refused.resets_at) out.signed_number(refused.resets_at->ms);
  out.signed_number(refused.blocked_at_percent.value_or(0));  // no threshold is at zero per cent
}

events::RefusedBy read_refused_by(ByteReader& in) {
  events::RefusedBy refused;
  if (const std::string_view id = in.bytes(uuid_bytes); !id.empty())
    std::memcpy(refused.limit.uuid.bytes.data(), id.data(), uuid_bytes);
  refused.label.ms = in.signed_number();
  for (std::int64_t* const value : {&refused.required, &refused.available, &refused.amount})
    *value = in.signed_number();
  if (in.byte() != 0) refused.resets_at = base::WallTime{in.signed_number()};
  if (const std::int64_t percent = in.signed_number(); percent != 0)
    refused.blocked_at_percent = static_cast<int>(percent);
  return refused;
}

std::unexpected<base::Error> damaged(std::string_view what) {
  return base::fail(base::ErrorType::unavailable, fmt::format("a segment of the usage log {}", what), {},
                    base::Source::store);
}

}  // namespace

std::uint32_t SegmentWriter::place_of(const std::string& text, TextField& field) {
  if (!field.used || texts_.values()[field.place] != text)
    field = {.place = texts_.place_of(std::string_view(text)), .used = true};
  return field.place;
}

// What sums have no use for.
void SegmentWriter::write_rest(ByteWriter& out, const events::UsageRecord& record) {
  if (!record.tags.empty()) out.number(place_of(record.tags, tags_));
  out.number(place_of(record.route, route_));
  out.number(record.served_model == record.model ? model_.place : place_of(record.served_model, served_model_));
  out.number(place_of(record.price_version, price_version_));
  out.signed_number(record.estimate.nanos());
  out.signed_number(record.duration_us);
  out.signed_number(record.first_byte_us);
  out.signed_number(record.status);
  if (record.error) out.byte(number_in(errors, *record.error));
  if (record.fault) out.byte(number_in(faults, *record.fault));
  out.number(record.holds.size());
  for (const events::Hold& hold : record.holds) {
    out.number(counters_.place_of(quota::CounterKey{hold.limit, hold.label}));
    out.signed_number(hold.reserved);
    out.signed_number(hold.spent);
    out.signed_number(hold.unresolved);
  }
  // Only where there are any: a record without rolling limits is written as it was before there were some.
  const bool rolling =
      std::ranges::any_of(record.holds, [](const events::Hold& hold) { return hold.sub_window.has_value(); });
  if (!rolling && record.attempts.empty() && !record.refused_by) return;
  for (const events::Hold& hold : record.holds) {
    out.byte(hold.sub_window ? 1 : 0);
    if (hold.sub_window) out.signed_number(hold.sub_window->ms);
  }
  if (record.attempts.empty() && !record.refused_by) return;
  events::packed::write_attempts(out, record.attempts,
                                 [&](const std::string& name) { out.number(texts_.place_of(std::string_view(name))); });
  if (record.refused_by) write_refused_by(out, *record.refused_by);
}

void SegmentWriter::add(const events::UsageRecord& record) {
  if (const std::size_t most = records_size_ + record_bytes_max + record.holds.size() * hold_bytes_max;
      most > records_.size())
    records_.resize(2 * most, boost::container::default_init);
  ByteWriter out(records_.data() + records_size_);
  out.bytes(record.id.uuid.bytes.data(), uuid_bytes);
  out.signed_number(static_cast<std::int64_t>(static_cast<std::uint64_t>(record.started.ms) -
                                              static_cast<std::uint64_t>(previous_started_.ms)));
  out.byte(static_cast<std::uint8_t>((record.stream ? is_stream : 0) | (record.usage ? has_usage : 0) |
                                     (record.error ? has_error : 0) | (record.fault ? has_fault : 0) |
                                     (record.tags.empty() ? 0 : has_tags) |
                                     number_in(outcomes, record.outcome) << outcome_shift));
  out.number(ids_.place_of(record.account.uuid));
  out.number(ids_.place_of(record.key.uuid));
  out.number(place_of(record.model, model_));
  out.number(place_of(record.upstream, upstream_));
  out.signed_number(record.cost.nanos());
  if (record.usage) events::packed::write_usage(out, *record.usage);
  char* const rest = out.at() + 1;
  ByteWriter rest_out(rest);
  write_rest(rest_out, record);
  const auto rest_size = static_cast<std::size_t>(rest_out.at() - rest);
  if (rest_size >= 0x80) std::memmove(rest + number_bytes_max - 1, rest, rest_size);  // very many holds
  out.number(rest_size);
  if (rest_size >= 0x80) std::memmove(out.at(), rest + number_bytes_max - 1, rest_size);
  out.skip(rest_size);
  records_size_ = static_cast<std::size_t>(out.at() - records_.data());

  first_started_ = count_ == 0 ? record.started : std::min(first_started_, record.started);
  last_started_ = count_ == 0 ? record.started : std::max(last_started_, record.started);
  previous_started_ = record.started;
  ++count_;
}

std::string SegmentWriter::bytes() const {
  std::size_t size = 4 * number_bytes_max + ids_.values().size() * uuid_bytes +
                     counters_.values().size() * (uuid_bytes + number_bytes_max) + records_size_;
  for (const std::string& text : texts_.values()) size += number_bytes_max + text.size();
  std::string body;
  body.resize_and_overwrite(header_bytes + size, [&](char* text, std::size_t) { return write_to(text) - text; });
  return sealed_segment(std::move(body));
}

char* SegmentWriter::write_to(char* body) const {
  ByteWriter out(body + header_bytes);
  out.number(count_);
  out.number(texts_.values().size());
  for (const std::string& text : texts_.values()) {
    out.number(text.size());
    out.bytes(text.data(), text.size());
  }
  out.number(ids_.values().size());
  for (const base::Uuid& id : ids_.values()) out.bytes(id.bytes.data(), uuid_bytes);
  out.number(counters_.values().size());
  for (const quota::CounterKey& counter : counters_.values()) {
    out.bytes(counter.limit.uuid.bytes.data(), uuid_bytes);
    out.signed_number(counter.label.ms);
  }
  out.bytes(records_.data(), records_size_);
  return out.at();
}

// `body` begins with room for the header.
std::string sealed_segment(std::string body) {
  ASSERT(body.size() >= header_bytes);
  const std::uint64_t checksum = hash_of(std::string_view(body).substr(header_bytes));
  body[0] = static_cast<char>(version);
  std::memcpy(body.data() + 1, &checksum, sizeof checksum);
  return body;
}

std::string SegmentWriter::digest() const {
  const std::size_t values = ids_.values().size() + texts_.values().size();
  std::string digest((values * digest_bits_per_value + 7) / 8, '\0');
  const auto set = [&](std::string_view value) {
    all_probes(8 * digest.size(), hash_of(value), [&](std::size_t at, unsigned char bit) {
      digest[at] = static_cast<char>(static_cast<unsigned char>(digest[at]) | bit);
      return true;
    });
  };
  for (const base::Uuid& id : ids_.values()) set(bytes_of(id));
  for (const std::string& text : texts_.values()) set(text);
  return digest;
}

bool digest_may_hold(std::string_view digest, std::string_view text) {
  if (digest.empty()) return false;
  return all_probes(8 * digest.size(), hash_of(text), [&](std::size_t at, unsigned char bit) {
    return (static_cast<unsigned char>(digest[at]) & bit) != 0;
  });
}

bool digest_may_hold(std::string_view digest, const base::Uuid& id) { return digest_may_hold(digest, bytes_of(id)); }

base::Result<SegmentReader> SegmentReader::open(std::string_view bytes) {
  if (bytes.empty()) return damaged("is empty");
  const auto format = static_cast<std::uint8_t>(bytes[0]);
  if (format == 0 || format > version)
    return damaged(fmt::format("has format {}, which this version does not know", format));
  if (bytes.size() < header_bytes) return damaged("is cut short");
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + 1, sizeof checksum);
  const std::string_view body = bytes.substr(header_bytes);
  if (hash_of(body) != checksum) return damaged("is damaged: its checksum is another");
  SegmentReader reader(format, body);
  TRY_STATUS(reader.read_tables());
  return reader;
}

// A count is believed only as far as bytes are there for it.
base::Status SegmentReader::read_tables() {
  left_ = in_.number();
  for (std::uint64_t count = in_.number(); count > 0 && !in_.broken(); --count)
    texts_.push_back(in_.bytes(in_.number()));
  for (std::uint64_t count = in_.number(); count > 0 && !in_.broken(); --count) {
    const std::string_view bytes = in_.bytes(uuid_bytes);
    if (!in_.broken()) std::memcpy(ids_.emplace_back().bytes.data(), bytes.data(), uuid_bytes);
  }
  for (std::uint64_t count = in_.number(); count > 0 && !in_.broken(); --count) {
    const std::string_view bytes = in_.bytes(uuid_bytes);
    const base::WindowLabel label{in_.signed_number()};
    if (in_.broken()) break;
    quota::CounterKey& counter = counters_.emplace_back();
    std::memcpy(counter.limit.uuid.bytes.data(), bytes.data(), uuid_bytes);
    counter.label = label;
  }
  if (in_.broken()) return damaged("ends within its tables");
  return {};
}

// A place outside its table breaks the reader.
std::uint32_t SegmentReader::place_in(ByteReader& in, std::size_t table_size) {
  const std::uint64_t place = in.number();
  if (place < table_size) return static_cast<std::uint32_t>(place);
  in.give_up();
  return 0;
}

base::Result<bool> SegmentReader::next() {
  if (left_ == 0) {
    if (!in_.rest().empty()) return damaged("goes on after its last record");
    return false;
  }
  --left_;
  if (const std::string_view id = in_.bytes(uuid_bytes); !id.empty())
    std::memcpy(packed_.id.uuid.bytes.data(), id.data(), uuid_bytes);
  packed_.started.ms = static_cast<std::int64_t>(static_cast<std::uint64_t>(packed_.started.ms) +
                                                 static_cast<std::uint64_t>(in_.signed_number()));
  bool known = true;
  packed_.flags = in_.byte();
  packed_.outcome = value_in(outcomes, packed_.flags >> outcome_shift & outcome_mask, known);
  packed_.account = place_in(in_, ids_.size());
  packed_.key = place_in(in_, ids_.size());
  packed_.model = place_in(in_, texts_.size());
  packed_.upstream = place_in(in_, texts_.size());
  packed_.cost = base::Money::from_nanos(in_.signed_number());
  packed_.usage.reset();
  if ((packed_.flags & has_usage) != 0) events::packed::read_usage(in_, format_, packed_.usage.emplace());
  packed_.rest = in_.bytes(in_.number());
  if (in_.broken()) return damaged("ends within a record");
  if (!known) return damaged("names an outcome that this version does not know");
  return true;
}

base::Result<events::UsageRecord> SegmentReader::record() const {
  ByteReader in(packed_.rest);
  bool known = true;
  // After next() there is at least one text.
  const auto text = [&] { return std::string(texts_[place_in(in, texts_.size())]); };
  events::UsageRecord record;
  record.id = packed_.id;
  record.started = packed_.started;
  record.account.uuid = ids_[packed_.account];
  record.key.uuid = ids_[packed_.key];
  record.upstream = std::string(texts_[packed_.upstream]);
  record.model = std::string(texts_[packed_.model]);
  record.stream = (packed_.flags & is_stream) != 0;
  record.outcome = packed_.outcome;
  record.usage = packed_.usage;
  record.cost = packed_.cost;
  if ((packed_.flags & has_tags) != 0) record.tags = text();
  record.route = text();
  record.served_model = text();
  record.price_version = text();
  record.estimate = base::Money::from_nanos(in.signed_number());
  record.duration_us = in.signed_number();
  record.first_byte_us = in.signed_number();
  record.status = static_cast<int>(in.signed_number());
  if ((packed_.flags & has_error) != 0) record.error = value_in(errors, in.byte(), known);
  if ((packed_.flags & has_fault) != 0) record.fault = value_in(faults, in.byte(), known);
  for (std::uint64_t count = in.number(); count > 0 && !in.broken(); --count) {
    const std::uint32_t place = place_in(in, counters_.size());
    if (in.broken()) break;
    // A braced list is read from left to right, as the numbers are.
    record.holds.push_back({.limit = counters_[place].limit,
                            .label = counters_[place].label,
                            .reserved = in.signed_number(),
                            .spent = in.signed_number(),
                            .unresolved = in.signed_number()});
  }
  if (!in.rest().empty())
    for (events::Hold& hold : record.holds)
      if (in.byte() != 0) hold.sub_window = base::WindowLabel{in.signed_number()};
  if (!in.rest().empty()) events::packed::read_attempts(in, record.attempts, known, text);
  if (!in.rest().empty()) record.refused_by = read_refused_by(in);
  if (in.broken() || !in.rest().empty()) return damaged("has a record that does not fill its place");
  if (!known) return damaged("names an error or a fault that this version does not know");
  return record;
}

base::Result<SegmentReader::Manner> SegmentReader::manner() const {
  ByteReader in(packed_.rest);
  bool known = true;
  if ((packed_.flags & has_tags) != 0) place_in(in, texts_.size());
  Manner manner{.route = place_in(in, texts_.size())};
  place_in(in, texts_.size());  // of the model that was served, then of the version of the prices
  place_in(in, texts_.size());
  in.signed_number();  // the estimate
  manner.duration_us = in.signed_number();
  manner.first_byte_us = in.signed_number();
  in.signed_number();  // the status
  if ((packed_.flags & has_error) != 0) manner.error = value_in(errors, in.byte(), known);
  if (in.broken()) return damaged("has a record that does not fill its place");
  if (!known) return damaged("names an error that this version does not know");
  return manner;
}

std::string_view SegmentReader::tags() const {
  if ((packed_.flags & has_tags) == 0) return {};
  ByteReader in(packed_.rest);
  return texts_[place_in(in, texts_.size())];
}

std::optional<std::uint32_t> SegmentReader::find_id(const base::Uuid& id) const {
  const auto found = std::ranges::find(ids_, id);
  return found == ids_.end() ? std::nullopt : std::optional(static_cast<std::uint32_t>(found - ids_.begin()));
}

std::optional<std::uint32_t> SegmentReader::find_text(std::string_view text) const {
  const auto found = std::ranges::find(texts_, text);
  return found == texts_.end() ? std::nullopt : std::optional(static_cast<std::uint32_t>(found - texts_.begin()));
}

}  // namespace store
