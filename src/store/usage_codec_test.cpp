#include "store/usage_codec.h"

#include <doctest/doctest.h>

#include <array>
#include <limits>

#include "tests/support/random_usage.h"

using store::SegmentReader;
using store::SegmentWriter;

namespace {

// Empty if any of it cannot be read.
std::optional<std::vector<events::UsageRecord>> read_all(std::string_view bytes) {
  auto segment = SegmentReader::open(bytes);
  if (!segment) return std::nullopt;
  std::vector<events::UsageRecord> records;
  for (;;) {
    const auto another = segment->next();
    if (!another) return std::nullopt;
    if (!*another) return records;
    auto record = segment->record();
    if (!record) return std::nullopt;
    records.push_back(std::move(*record));
  }
}

std::string message_of(std::string_view bytes) {
  const auto segment = SegmentReader::open(bytes);
  return segment ? std::string() : segment.error().message;
}

}  // namespace

TEST_CASE("a segment gives back every record as it was, however often it is written on the way") {
  tests::RandomUsage source;
  SegmentWriter writer;
  std::vector<events::UsageRecord> written;
  CHECK(read_all(writer.bytes()) == written);
  for (int i = 0; i < 1'000; ++i) {
    written.push_back(source.record());
    writer.add(written.back());
    if (i % 100 < 3) CHECK(read_all(writer.bytes()) == written);
  }
  CHECK(read_all(writer.bytes()) == written);
  CHECK(writer.count() == written.size());
  CHECK(writer.first_started() == base::WallTime{tests::RandomUsage::least});
  CHECK(writer.last_started() == base::WallTime{tests::RandomUsage::most});
}

TEST_CASE("a segment that an earlier version wrote is read as it was meant") {
  // Format 1, whose usages have a mask of one byte; written by that version.
  const std::string_view written(
      "\x01\xa1\x8f\xbb\x57\x46\x69\xdc\x50\x02\x04\x06\x67\x70\x74\x2d\x34\x6f\x06\x6f\x70\x65\x6e\x61\x69\x00"
      "\x0a\x32\x30\x32\x36\x2d\x31\x31\x2d\x32\x30\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
      "\x00\x00\x00\x01\xa1\xfb\x67\x18\x00\x78\x13\x91\xa2\x16\x8e\xca\x38\x6b\x3f\x80\xe0\xb8\xb6\xbf\x68\x22"
      "\x00\x00\x00\x01\xc0\xee\x6d\xc7\xe0\x12\x00\xd0\x0f\x06\x09\x01\x02\x03\x00\x00\x00\x90\x03\x00\x01\xa1"
      "\xfb\x67\x18\x00\x78\x13\x91\xa2\x16\x8e\xca\x38\x6b\x3f\x00\x22\x00\x00\x00\x01\xc0\xee\x6d\x47\xe0\x12"
      "\x00\xd0\x0f\x06\x09\x01\x02\x03\x00\x00\x00\x90\x03\x00",
      144);
  const auto records = read_all(written);
  REQUIRE(records.has_value());
  REQUIRE(records->size() == 2);
  meter::Usage usage{.input_tokens = 1'200,
                     .output_tokens = 0,
                     .cached_input_tokens = 1'000,
                     .audio_output_tokens = 3,
                     .certainty = meter::Certainty::at_least};
  CHECK((*records)[0].usage == usage);
  usage.certainty = meter::Certainty::exact;
  CHECK((*records)[1].usage == usage);
  CHECK((*records)[1].price_version == "2026-11-20");
  CHECK(read_all(std::string("\4") + std::string(written.substr(1))) == std::nullopt);
}

TEST_CASE("a usual record takes some fifty bytes") {
  tests::SeededRandom random(1);
  SegmentWriter writer;
  events::UsageRecord record;
  const base::WallTime today{1'795'219'200'000};
  record.account = base::AccountId::create(today, random);
  record.key = base::KeyId::create(today, random);
  record.route = record.upstream = "openai";
  record.model = record.served_model = "gpt-4o-mini";
  record.price_version = "2026-11-20";
  record.usage = meter::Usage{.input_tokens = 1'200, .output_tokens = 300};
  record.holds.push_back({base::LimitId::create(today, random), {today.ms}, 3'000'000, 900'000, 0});
  for (int i = 0; i < 500; ++i) {
    record.started.ms = today.ms + i;
    record.id = base::ExchangeId::create(record.started, random);
    record.duration_us = 4'000'000 + i;
    record.first_byte_us = 300'000 + i;
    record.estimate = base::Money::from_nanos(3'000'000);
    record.cost = base::Money::from_nanos(900'000);
    record.status = 200;
    writer.add(record);
  }
  CHECK(writer.bytes().size() / writer.count() < 60);
}

TEST_CASE("a segment from before records said which limit refused them is read as it was meant") {
  tests::SeededRandom random{5};
  SegmentWriter writer;
  events::UsageRecord record;
  record.id = base::ExchangeId::create({7}, random);
  record.attempts = {{.upstream = "first", .status = 503}};
  writer.add(record);
  std::string bytes = writer.bytes();
  bytes[0] = 2;  // such a record was written in the same way
  const auto records = read_all(bytes);
  REQUIRE(records.has_value());
  CHECK(*records == std::vector{record});
}

TEST_CASE("what is cut short or changed anywhere is an error, never a wrong record") {
  tests::RandomUsage source;
  SegmentWriter writer;
  for (int i = 0; i < 5; ++i) writer.add(source.record());
  const std::string whole = writer.bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) REQUIRE_FALSE(read_all(whole.substr(0, size)).has_value());
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const int bit : {0, 3, 7}) {
      if (at == 0 && bit == 0) continue;  // it is format 2 then, which has all that these records have
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      REQUIRE_FALSE(read_all(changed).has_value());
    }
  REQUIRE_FALSE(read_all(whole + '\0').has_value());
  CHECK(read_all(whole).has_value());
}

TEST_CASE("bytes that hold no segment behind a right checksum are refused, too") {
  tests::RandomUsage source;
  SegmentWriter writer;
  for (int i = 0; i < 3; ++i) writer.add(source.record());
  const std::string whole = writer.bytes();
  // Whatever is cut or changed is sealed again: what is read then may be wrong, but it is read within its bounds.
  for (std::size_t size = 9; size < whole.size(); ++size)
    REQUIRE_FALSE(read_all(store::sealed_segment(whole.substr(0, size))).has_value());
  for (std::size_t at = 9; at < whole.size(); ++at)
    for (const char byte : {'\0', '\x7F', '\xFF'}) {
      std::string changed = whole;
      changed[at] = byte;
      (void)read_all(store::sealed_segment(changed));
    }
}

TEST_CASE("what is wrong with a segment is said") {
  CHECK(message_of("").find("empty") != std::string::npos);
  CHECK(message_of("\x07 and more bytes").find("format 7") != std::string::npos);
  CHECK(message_of("\x01 and more bytes").find("checksum") != std::string::npos);
}

TEST_CASE("a digest has every value of its segment, and few others") {
  tests::RandomUsage source;
  SegmentWriter writer;
  std::vector<events::UsageRecord> records;
  for (int i = 0; i < 300; ++i) {
    records.push_back(source.record());
    writer.add(records.back());
  }
  const std::string digest = writer.digest();
  for (const auto& record : records) {
    CHECK(store::digest_may_hold(digest, record.account.uuid));
    CHECK(store::digest_may_hold(digest, record.key.uuid));
    CHECK(store::digest_may_hold(digest, std::string_view(record.model)));
  }
  int passed = 0;
  for (int i = 0; i < 10'000; ++i) passed += store::digest_may_hold(digest, source.record().key.uuid) ? 1 : 0;
  CHECK(passed < 2'600 + 100);  // a quarter are the nil id, which is in it
  CHECK_FALSE(store::digest_may_hold("", base::Uuid{}));
}

TEST_CASE("a number of any size comes back, and what is none breaks the reader") {
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{63}, std::int64_t{64},
                                   tests::RandomUsage::least, tests::RandomUsage::most}) {
    char bytes[store::number_bytes_max];
    store::ByteWriter out(bytes);
    out.signed_number(value);
    store::ByteReader in({bytes, static_cast<std::size_t>(out.at() - bytes)});
    CHECK(in.signed_number() == value);
    CHECK(in.rest().empty());
    CHECK_FALSE(in.broken());
    CHECK(in.number() == 0);
    CHECK(in.broken());
  }
  const std::string endless(20, '\xFF');
  store::ByteReader in(endless);
  CHECK(in.number() == 0);
  CHECK(in.broken());
}
