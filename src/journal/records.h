#pragma once
// What quota puts into the journal's records. Each payload begins with its version; numbers are packed
// (base/packed_bytes.h). What is damaged, cut short or of another version is an error and never a wrong record.

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/result.h"
#include "base/window.h"
#include "events/usage_record.h"

namespace journal {

// What a reservation has taken from one counter, of the node's lease of which epoch (quota/store.h).
struct ReservedHold {
  base::LimitId limit;
  base::WindowLabel label;  // of the window: with the limit it names the counter
  std::int64_t lease_epoch = 0;
  std::int64_t amount = 0;  // in the limit's unit
  bool operator==(const ReservedHold&) const = default;
};

// An open reservation: the payload of reserve, extend and carried. It holds what recovery needs to find its counters
// and to write a usage record for an exchange whose end is lost.
struct ReserveRecord {
  base::ExchangeId exchange;
  base::WallTime stamp;  // of the admission: decides the windows
  base::AccountId account;
  base::KeyId key;
  // The texts belong to whoever made the record; after decoding, to the payload.
  std::string_view route, upstream, model, price_version, tags;
  bool stream = false;
  base::Money estimate;
  boost::container::small_vector<ReservedHold, 3> holds;
  bool operator==(const ReserveRecord&) const = default;
};

struct ReleaseRecord {
  base::ExchangeId exchange;
  bool operator==(const ReleaseRecord&) const = default;
};

// The one text of a usage record that a provider chooses. A longer one is to be cut before it gets into the record: the
// record that is flushed and the one that recovery reads must be the same.
inline constexpr std::size_t served_model_bytes_max = 256;
// `text` up to that, without half a character of UTF-8 at its end.
std::string_view cut_served_model(std::string_view text);

// Where payloads are made: one for each worker, used again and again.
using PayloadBuffer = boost::container::small_vector<std::byte, 1024>;

// Each fills `buffer` and returns what it wrote there.
std::span<const std::byte> encode(const ReserveRecord& record, PayloadBuffer& buffer);
std::span<const std::byte> encode(const ReleaseRecord& record, PayloadBuffer& buffer);
// The end of an exchange: its usage record. Its served model has at most served_model_bytes_max.
std::span<const std::byte> encode_settle(const events::UsageRecord& usage, PayloadBuffer& buffer);
// No settle of this reservation has a larger payload, if it names its texts and not more than its holds.
std::size_t settle_bytes_max(const ReserveRecord& record);

base::Result<ReserveRecord> decode_reserve(std::span<const std::byte> payload);
base::Result<events::UsageRecord> decode_settle(std::span<const std::byte> payload);
base::Result<ReleaseRecord> decode_release(std::span<const std::byte> payload);

}  // namespace journal
