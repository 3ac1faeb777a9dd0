#include "journal/records.h"

#include "events/packed_usage.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "tests/support/random_usage.h"

using namespace journal;

namespace {

constexpr std::int64_t most = tests::RandomUsage::most;

std::vector<std::byte> copy(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

class Random : public tests::RandomUsage {
 public:
  // `texts` hold what the record's texts point to.
  ReserveRecord reserve(std::array<std::string, 5>& texts) {
    for (std::string& one : texts) one = text();
    if (number() % 2 == 0) texts[4].clear();
    ReserveRecord record{.exchange = id<base::ExchangeId>(),
                         .stamp = {number()},
                         .account = id<base::AccountId>(),
                         .key = id<base::KeyId>(),
                         .route = texts[0],
                         .upstream = texts[1],
                         .model = texts[2],
                         .price_version = texts[3],
                         .tags = texts[4],
                         .stream = number() > 0,
                         .estimate = base::Money::from_nanos(number()),
                         .holds = {}};
    for (std::int64_t holds = number() % 5; holds > 0; --holds)
      record.holds.push_back({id<base::LimitId>(), {number()}, number(), number()});
    return record;
  }
  events::UsageRecord settle() {
    events::UsageRecord usage = record();
    for (events::Hold& hold : usage.holds) hold.lease_epoch = number();
    return usage;
  }
};

}  // namespace

TEST_CASE("every record comes back as it was, and not at all if a byte is missing or one too many") {
  Random random;
  PayloadBuffer buffer;
  for (int i = 0; i < 300; ++i) {
    std::array<std::string, 5> texts;
    const ReserveRecord reserve = random.reserve(texts);
    auto bytes = copy(encode(reserve, buffer));
    const auto reserved = decode_reserve(bytes);
    REQUIRE(reserved.has_value());
    CHECK(*reserved == reserve);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      CHECK_FALSE(decode_reserve(std::span(bytes).first(size)).has_value());
    bytes.push_back({});
    CHECK_FALSE(decode_reserve(bytes).has_value());

    const events::UsageRecord settle = random.settle();
    bytes = copy(encode_settle(settle, buffer));
    const auto settled = decode_settle(bytes);
    REQUIRE(settled.has_value());
    CHECK(*settled == settle);
    for (std::size_t size = 0; size < bytes.size(); ++size)
      CHECK_FALSE(decode_settle(std::span(bytes).first(size)).has_value());
    bytes.push_back({});
    CHECK_FALSE(decode_settle(bytes).has_value());

    const ReleaseRecord release{.exchange = reserve.exchange};
    bytes = copy(encode(release, buffer));
    CHECK(decode_release(bytes) == release);
    CHECK_FALSE(decode_release(std::span(bytes).first(bytes.size() - 1)).has_value());
    bytes.push_back({});
    CHECK_FALSE(decode_release(bytes).has_value());
  }
}

TEST_CASE("what another version wrote, or knows alone, is an error") {
  PayloadBuffer buffer;
  const events::UsageRecord usage;
  auto bytes = copy(encode_settle(usage, buffer));
  bytes[0] = std::byte{3};
  CHECK(decode_settle(bytes).error().message ==
        "a record of the journal has format 3, which this version does not know");
  bytes[0] = std::byte{0};
  CHECK_FALSE(decode_settle(bytes).has_value());
  bytes[0] = std::byte{2};
  bytes[1] = std::byte{0xF0};  // an outcome of another version
  CHECK_FALSE(decode_settle(bytes).has_value());
  bytes = copy(encode(ReserveRecord{}, buffer));
  bytes[1] = std::byte{2};
  CHECK_FALSE(decode_reserve(bytes).has_value());
}

TEST_CASE("a settle that an earlier version wrote is read as it was meant") {
  // Format 1, whose usage has a mask of one byte; written by that version.
  const std::string_view written(
      "\x01\x22\x01\xa1\xfb\x67\x18\x00\x78\x13\x91\xa2\x16\x8e\xca\x38\x6b\x3f\x00\x00\x00\x00\x00\x00\x00\x00"
      "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\xe0"
      "\xb8\xb6\xbf\x68\x00\x00\x90\x03\x00\xc0\xee\x6d\x06\x6f\x70\x65\x6e\x61\x69\x06\x6f\x70\x65\x6e\x61\x69"
      "\x06\x67\x70\x74\x2d\x34\x6f\x00\x0a\x32\x30\x32\x36\x2d\x31\x31\x2d\x32\x30\xc7\xe0\x12\x00\xd0\x0f\x06"
      "\x00",
      105);
  const auto settled = decode_settle(std::as_bytes(std::span(written)));
  REQUIRE(settled.has_value());
  CHECK(settled->usage == meter::Usage{.input_tokens = 1'200,
                                       .output_tokens = 0,
                                       .cached_input_tokens = 1'000,
                                       .audio_output_tokens = 3,
                                       .certainty = meter::Certainty::at_least});
  CHECK(settled->cost == base::Money::from_nanos(900'000));
}

// All of the largest: what is kept for a settle must be enough for every settle.
TEST_CASE("no settle is larger than what its reservation kept") {
  PayloadBuffer buffer;
  events::UsageRecord usage;
  usage.duration_us = usage.first_byte_us = most;
  usage.started.ms = tests::RandomUsage::least;
  usage.route = std::string(300, 'r');
  usage.upstream = std::string(20'000, 'u');
  usage.model = std::string(200, 'm');
  usage.served_model = std::string(served_model_bytes_max, 's');
  usage.price_version = std::string(50, 'p');
  usage.tags = std::string(1'500, 't');
  usage.status = -599;
  usage.error = base::ErrorType::internal;
  usage.fault = base::Source::store;
  usage.estimate = usage.cost = base::Money::from_nanos(tests::RandomUsage::least);
  meter::Usage& counts = usage.usage.emplace();
  for (const auto& [name, count] : meter::usage_counts) counts.*count = most;
  counts.provider_cost = base::Money::from_nanos(most);
  for (std::size_t i = 1; i < events::attempts_max; ++i)
    usage.attempts.push_back({.upstream = std::string(events::packed::upstream_bytes_max, 'a'),
                              .status = -599,
                              .error = base::ErrorType::internal,
                              .fault = base::Source::store,
                              .duration_us = most});
  for (int holds = 0; holds < 5; ++holds) {
    const ReserveRecord reserve{.exchange = {},
                                .stamp = {},
                                .account = {},
                                .key = {},
                                .route = usage.route,
                                .upstream = usage.upstream,
                                .model = usage.model,
                                .price_version = usage.price_version,
                                .tags = usage.tags,
                                .estimate = {},
                                .holds = {static_cast<std::size_t>(holds), ReservedHold{}}};
    const std::size_t bytes = encode_settle(usage, buffer).size();
    CHECK(bytes <= settle_bytes_max(reserve));
    CHECK(bytes + 150 > settle_bytes_max(reserve));  // and not much less
    CHECK(encode(ReleaseRecord{}, buffer).size() < settle_bytes_max(ReserveRecord{}));
    usage.holds.push_back({{}, {most}, most, most, tests::RandomUsage::least, base::WindowLabel{most}, most});
  }
}

TEST_CASE("a usual settle takes some 250 bytes") {
  Random random;
  PayloadBuffer buffer;
  events::UsageRecord usage{.id = random.id<base::ExchangeId>(),
                            .started = {1'795'219'200'000},
                            .duration_us = 2'000'000,
                            .first_byte_us = 300'000,
                            .account = random.id<base::AccountId>(),
                            .key = random.id<base::KeyId>(),
                            .route = "openai",
                            .upstream = "openai",
                            .model = "gpt-4o-mini",
                            .served_model = "gpt-4o-mini-2024-07-18",
                            .status = 200,
                            .error = {},
                            .fault = {},
                            .usage = meter::Usage{.input_tokens = 1'200, .output_tokens = 300},
                            .estimate = base::Money::from_nanos(1'000'000),
                            .cost = base::Money::from_nanos(360'000),
                            .price_version = "2026-11-20",
                            .holds = {}};
  for (int i = 0; i < 3; ++i)
    usage.holds.push_back({random.id<base::LimitId>(), {usage.started.ms}, 1'000'000, 360'000, 0});
  const std::size_t bytes = encode_settle(usage, buffer).size();
  CHECK(bytes > 200);
  CHECK(bytes < 260);
}

TEST_CASE("a served model is cut between two characters") {
  const std::string short_name = "gpt-4o-mini-2024-07-18";
  CHECK(cut_served_model(short_name) == short_name);
  const std::string long_name(300, 'x');
  CHECK(cut_served_model(long_name).size() == served_model_bytes_max);
  std::string accents(served_model_bytes_max - 1, 'x');
  accents += "é";  // two bytes, of which one would fit
  CHECK(cut_served_model(accents).size() == served_model_bytes_max - 1);
  std::string not_text(300, static_cast<char>(0x80));
  CHECK(cut_served_model(not_text).empty());
}
