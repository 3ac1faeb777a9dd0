#include "journal/records.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/packed_bytes.h"
#include "events/packed_usage.h"

namespace journal {
namespace {

using base::ByteReader;
using base::ByteWriter;
using base::number_bytes_max;
using events::packed::errors;
using events::packed::faults;
using events::packed::number_in;
using events::packed::outcomes;
using events::packed::value_in;

// Of what is written. Format 1 is read, too: its usages know fewer counts (events/packed_usage.h).
constexpr std::uint8_t version = events::packed::usage_format;
constexpr std::size_t id_bytes = sizeof(base::Uuid::bytes);

// The flags of a settle, with the outcome's number above them; the first one is a reserve's too.
enum Flag : std::uint8_t { is_stream = 1, has_usage = 2, has_error = 4, has_fault = 8, has_tags = 0x80 };
constexpr unsigned outcome_shift = 4;
constexpr unsigned outcome_mask = 7;

// The most that a record takes without its texts and holds, and that one hold takes.
constexpr std::size_t reserve_bytes_max = 2 + 3 * id_bytes + 8 * number_bytes_max;
constexpr std::size_t settle_fixed_bytes_max =
    4 + 3 * id_bytes + 13 * number_bytes_max + events::packed::usage_bytes_max;
constexpr std::size_t hold_bytes_max = id_bytes + 1 + 6 * number_bytes_max;

ByteWriter begin(PayloadBuffer& buffer, std::size_t bytes_max) {
  buffer.resize(bytes_max, boost::container::default_init);
  ByteWriter out(reinterpret_cast<char*>(buffer.data()));
  out.byte(version);
  return out;
}

std::span<const std::byte> end(const ByteWriter& out, PayloadBuffer& buffer) {
  const auto size = static_cast<std::size_t>(out.at() - reinterpret_cast<char*>(buffer.data()));
  ASSERT(size <= buffer.size());
  return std::span(buffer.data(), size);
}

template <class Tag>
void write_id(ByteWriter& out, const base::Id<Tag>& id) {
  out.bytes(id.uuid.bytes.data(), id_bytes);
}
template <class Tag>
void read_id(ByteReader& in, base::Id<Tag>& id) {
  if (const auto bytes = in.bytes(id_bytes); !bytes.empty()) std::memcpy(id.uuid.bytes.data(), bytes.data(), id_bytes);
}

void write_text(ByteWriter& out, std::string_view text) {
  out.number(text.size());
  out.bytes(text.data(), text.size());
}
std::string_view read_text(ByteReader& in) { return in.bytes(in.number()); }

std::unexpected<base::Error> damaged(std::string_view what) {
  return base::fail(base::ErrorType::unavailable, fmt::format("a record of the journal {}", what), {},
                    base::Source::store);
}

ByteReader reader_of(std::span<const std::byte> payload) {
  return ByteReader({reinterpret_cast<const char*>(payload.data()), payload.size()});
}

// What ends every decoding: all was there, and nothing more.
base::Status check_end(const ByteReader& in) {
  if (in.broken()) return damaged("ends too early");
  if (!in.rest().empty()) return damaged("goes on after its end");
  return {};
}

// The format of a payload that this version can read.
base::Result<std::uint8_t> read_version(ByteReader& in) {
  const std::uint8_t found = in.byte();
  if (found == 0 || found > version)
    return damaged(fmt::format("has format {}, which this version does not know", found));
  return found;
}

}  // namespace

std::string_view cut_served_model(std::string_view text) {
  if (text.size() <= served_model_bytes_max) return text;
  std::size_t size = served_model_bytes_max;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

std::span<const std::byte> encode(const ReserveRecord& record, PayloadBuffer& buffer) {
  ByteWriter out =
      begin(buffer, reserve_bytes_max + record.route.size() + record.upstream.size() + record.model.size() +
                        record.price_version.size() + record.tags.size() + record.holds.size() * hold_bytes_max);
  out.byte(static_cast<std::uint8_t>((record.stream ? is_stream : 0) | (record.tags.empty() ? 0 : has_tags)));
  write_id(out, record.exchange);
  write_id(out, record.account);
  write_id(out, record.key);
  out.signed_number(record.stamp.ms);
  for (const std::string_view text : {record.route, record.upstream, record.model, record.price_version})
    write_text(out, text);
  if (!record.tags.empty()) write_text(out, record.tags);
  out.signed_number(record.estimate.nanos());
  out.number(record.holds.size());
  for (const ReservedHold& hold : record.holds) {
    write_id(out, hold.limit);
    out.signed_number(hold.label.ms);
    out.signed_number(hold.lease_epoch);
    out.signed_number(hold.amount);
  }
  return end(out, buffer);
}

base::Result<ReserveRecord> decode_reserve(std::span<const std::byte> payload) {
  ByteReader in = reader_of(payload);
  TRY_STATUS(read_version(in));
  ReserveRecord record;
  const std::uint8_t flags = in.byte();
  record.stream = (flags & is_stream) != 0;
  read_id(in, record.exchange);
  read_id(in, record.account);
  read_id(in, record.key);
  record.stamp.ms = in.signed_number();
  for (std::string_view* text : {&record.route, &record.upstream, &record.model, &record.price_version})
    *text = read_text(in);
  if ((flags & has_tags) != 0) record.tags = read_text(in);
  record.estimate = base::Money::from_nanos(in.signed_number());
  for (std::uint64_t count = in.number(); count > 0 && !in.broken(); --count) {
    ReservedHold& hold = record.holds.emplace_back();
    read_id(in, hold.limit);
    hold.label.ms = in.signed_number();
    hold.lease_epoch = in.signed_number();
    hold.amount = in.signed_number();
  }
  TRY_STATUS(check_end(in));
  if ((flags & ~(is_stream | has_tags)) != 0) return damaged("has flags that this version does not know");
  return record;
}

std::span<const std::byte> encode(const ReleaseRecord& record, PayloadBuffer& buffer) {
  ByteWriter out = begin(buffer, 1 + id_bytes);
  write_id(out, record.exchange);
  return end(out, buffer);
}

base::Result<ReleaseRecord> decode_release(std::span<const std::byte> payload) {
  ByteReader in = reader_of(payload);
  TRY_STATUS(read_version(in));
  ReleaseRecord record;
  read_id(in, record.exchange);
  TRY_STATUS(check_end(in));
  return record;
}

std::size_t settle_bytes_max(const ReserveRecord& record) {
  // The last upstream that is tried may be another one than the first.
  return settle_fixed_bytes_max + record.route.size() +
         std::max(record.upstream.size(), events::packed::upstream_bytes_max) + events::packed::attempts_bytes_max +
         record.model.size() + served_model_bytes_max + record.price_version.size() + record.tags.size() +
         record.holds.size() * hold_bytes_max;
}

std::span<const std::byte> encode_settle(const events::UsageRecord& usage, PayloadBuffer& buffer) {
  ASSERT(usage.served_model.size() <= served_model_bytes_max);
  ByteWriter out =
      begin(buffer, settle_fixed_bytes_max + usage.route.size() + usage.upstream.size() + usage.model.size() +
                        usage.served_model.size() + usage.price_version.size() + usage.tags.size() +
                        usage.holds.size() * hold_bytes_max + events::packed::attempts_bytes_max);
  out.byte(static_cast<std::uint8_t>((usage.stream ? is_stream : 0) | (usage.usage ? has_usage : 0) |
                                     (usage.error ? has_error : 0) | (usage.fault ? has_fault : 0) |
                                     (usage.tags.empty() ? 0 : has_tags) |
                                     number_in(outcomes, usage.outcome) << outcome_shift));
  write_id(out, usage.id);
  write_id(out, usage.account);
  write_id(out, usage.key);
  out.signed_number(usage.started.ms);
  out.signed_number(usage.duration_us);
  out.signed_number(usage.first_byte_us);
  out.signed_number(usage.status);
  out.signed_number(usage.estimate.nanos());
  out.signed_number(usage.cost.nanos());
  for (const std::string* text :
       {&usage.route, &usage.upstream, &usage.model, &usage.served_model, &usage.price_version})
    write_text(out, *text);
  if (!usage.tags.empty()) write_text(out, usage.tags);
  if (usage.error) out.byte(number_in(errors, *usage.error));
  if (usage.fault) out.byte(number_in(faults, *usage.fault));
  if (usage.usage) events::packed::write_usage(out, *usage.usage);
  out.number(usage.holds.size());
  for (const events::Hold& hold : usage.holds) {
    write_id(out, hold.limit);
    out.signed_number(hold.label.ms);
    out.signed_number(hold.lease_epoch);
    out.signed_number(hold.reserved);
    out.signed_number(hold.spent);
    out.signed_number(hold.unresolved);
    out.byte(hold.sub_window ? 1 : 0);
    if (hold.sub_window) out.signed_number(hold.sub_window->ms);
  }
  events::packed::write_attempts(out, usage.attempts, [&](const std::string& name) { write_text(out, name); });
  return end(out, buffer);
}

base::Result<events::UsageRecord> decode_settle(std::span<const std::byte> payload) {
  ByteReader in = reader_of(payload);
  TRY(const std::uint8_t format, read_version(in));
  events::UsageRecord usage;
  bool known = true;
  const std::uint8_t flags = in.byte();
  usage.stream = (flags & is_stream) != 0;
  usage.outcome = value_in(outcomes, flags >> outcome_shift & outcome_mask, known);
  read_id(in, usage.id);
  read_id(in, usage.account);
  read_id(in, usage.key);
  usage.started.ms = in.signed_number();
  usage.duration_us = in.signed_number();
  usage.first_byte_us = in.signed_number();
  const std::int64_t status = in.signed_number();
  usage.status = static_cast<int>(status);
  usage.estimate = base::Money::from_nanos(in.signed_number());
  usage.cost = base::Money::from_nanos(in.signed_number());
  for (std::string* text : {&usage.route, &usage.upstream, &usage.model, &usage.served_model, &usage.price_version})
    *text = read_text(in);
  if ((flags & has_tags) != 0) usage.tags = read_text(in);
  if ((flags & has_error) != 0) usage.error = value_in(errors, in.byte(), known);
  if ((flags & has_fault) != 0) usage.fault = value_in(faults, in.byte(), known);
  if ((flags & has_usage) != 0) events::packed::read_usage(in, format, usage.usage.emplace());
  for (std::uint64_t count = in.number(); count > 0 && !in.broken(); --count) {
    events::Hold& hold = usage.holds.emplace_back();
    read_id(in, hold.limit);
    hold.label.ms = in.signed_number();
    hold.lease_epoch = in.signed_number();
    hold.reserved = in.signed_number();
    hold.spent = in.signed_number();
    hold.unresolved = in.signed_number();
    if (in.byte() != 0) hold.sub_window = base::WindowLabel{in.signed_number()};
  }
  if (format > 1) events::packed::read_attempts(in, usage.attempts, known, [&] { return std::string(read_text(in)); });
  TRY_STATUS(check_end(in));
  if (!known || status != usage.status) return damaged("names what this version does not know");
  return usage;
}

}  // namespace journal
