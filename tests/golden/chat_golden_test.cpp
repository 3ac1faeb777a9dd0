// The chat dialect against what providers have really sent: usage, however a stream is cut, and the bound that is
// reserved before a call against what the call then cost.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "meter/event_splitter.h"
#include "meter/exchange_bill.h"
#include "meter/reply_reader.h"
#include "meter/request_edit.h"
#include "meter/request_reader.h"
#include "meter/sse.h"
#include "meter/worst_cost.h"
#include "tests/golden/recordings.h"

namespace {

using golden::Recording;
using meter::Reply;
using meter::Usage;

const meter::Endpoint chat = meter::endpoint_at("openai", "POST", "/v1/chat/completions");

// How a body is cut: pieces of this many bytes; 0: of random sizes.
constexpr std::array<std::size_t, 5> cuts{1'000'000'000, 1, 7, 0, 0};

// Reads it in pieces, and checks that what a splitter hands out of a stream is what came in.
Reply read(const Recording& recording, std::size_t cut, std::mt19937& random) {
  const std::string_view body = recording.response_body;
  meter::EventSplitter<meter::SseScan> splitter;
  meter::ReplyReader reader(meter::Dialect::chat, {});
  std::string relayed;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t size = cut != 0 ? cut : 1 + random() % 300;
    splitter.feed(body.substr(at, size), [&](std::string_view event) {
      relayed.append(event);
      reader.feed(event);
    });
    at += std::min(size, body.size() - at);
  }
  reader.feed(splitter.rest());
  CHECK(relayed.append(splitter.rest()) == body);
  return reader.finish();
}

std::vector<Reply> read_every_way(const Recording& recording) {
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same cuts in every run
  std::vector<Reply> replies;
  replies.reserve(cuts.size() + 1);
  for (const std::size_t cut : cuts) replies.push_back(read(recording, cut, random));
  replies.push_back(meter::read_reply(meter::Dialect::chat, {}, simdjson::padded_string(recording.response_body)));
  return replies;
}

std::string shown(const std::optional<Usage>& usage) {
  if (!usage) return "no usage";
  const auto count = [](const std::optional<std::int64_t>& tokens) { return tokens ? std::to_string(*tokens) : "?"; };
  return fmt::format("input {} output {} cached {} written {} reasoning {} audio in {} out {}",
                     count(usage->input_tokens), count(usage->output_tokens), count(usage->cached_input_tokens),
                     count(usage->cache_write_tokens), count(usage->reasoning_tokens), count(usage->audio_input_tokens),
                     count(usage->audio_output_tokens));
}

// Exchanges whose input is larger than any bound of their request, each with the reason.
constexpr std::array beyond_any_bound{
    // Groq's compound is an agent: it searches the web and feeds what it finds to models of its own, all in one call.
    // No price book may hold such a name; without a price the call is refused before it leaves.
    std::string_view("groq__chat.completions__plain__200__38279cf304.json"),
};

// Exchanges with a price whose cost is still not certain, each with the reason.
constexpr std::array not_certain{
    // An audio model's reply that does not say how much of it was audio; edited by its recorder.
    std::string_view("openai__chat.completions__plain__200__15ce93b1f9.json"),
};

// What was checked, for the line that says so.
struct Counts {
  int plain = 0;
  int streams = 0;
  int with_usage = 0;
  int requests = 0;
  int refused = 0;
  int bounded = 0;
  int priced = 0;
};

void check_usage(const Recording& recording, Counts& counts) {
  ++(recording.stream ? counts.streams : counts.plain);
  if (recording.usage) ++counts.with_usage;
  for (const Reply& reply : read_every_way(recording)) {
    CHECK(shown(reply.usage) == shown(recording.usage));
    CHECK(reply.model == recording.model);
    CHECK(reply.service_tier.value_or("") == recording.service_tier);
  }
}

// What is reserved for the request pays for what the exchange cost, where the model has a price.
void check_estimate(const Recording& recording, const meter::Request& request, Counts& counts) {
  static const meter::PriceBook book = meter::PriceBook::built_in();
  const meter::PricedModel* row = book.find("openai", request.model);
  if (row == nullptr || recording.provider != "openai") return;
  Reply reply;
  reply.model = recording.model;
  reply.names_usage = true;
  if (!recording.service_tier.empty()) reply.service_tier = recording.service_tier;
  const auto bill = meter::bill_exchange(
      {.book = book, .at = {}, .provider = "openai", .asked = row, .request = &request}, reply, *recording.usage);
  CHECK(bill.certain == (std::ranges::find(not_certain, recording.name) == not_certain.end()));
  if (!bill.certain) return;
  ++counts.priced;
  CHECK(bill.cost > base::Money::zero());
  const auto output = meter::most_output(*row, request);
  REQUIRE(output.has_value());
  const auto worst = meter::worst_cost(*row, request, *output);
  REQUIRE(worst.has_value());
  CHECK(*worst >= bill.cost);
}

// The bound of the request holds for the tokens that the provider counted.
void check_bound(const Recording& recording, Counts& counts) {
  if (recording.request_body.empty()) return;
  ++counts.requests;
  const simdjson::padded_string body(recording.request_body);
  const auto request = meter::read_request(chat, body);
  if (!request) {
    ++counts.refused;
    fmt::print("  refused: {}: {}\n", recording.name, request.error().message);
    return;
  }
  const simdjson::padded_string asked(meter::with_usage_in_stream(recording.request_body));
  CHECK(meter::read_request(chat, asked).value().include_usage);

  const auto& usage = recording.usage;
  if (!usage || !usage->input_tokens) return;
  if (std::ranges::find(beyond_any_bound, recording.name) != beyond_any_bound.end()) {
    CHECK(request->input_bound < *usage->input_tokens);
    CHECK(meter::PriceBook::built_in().find("groq", request->model) == nullptr);
    return;
  }
  ++counts.bounded;
  CHECK(request->input_bound >= *usage->input_tokens);

  check_estimate(recording, *request, counts);
}

Usage usage_of(std::int64_t input, std::int64_t output) {
  return Usage{.input_tokens = input, .output_tokens = output};
}

Recording stream_of(std::string name, std::string body, std::optional<Usage> usage) {
  return Recording{.name = std::move(name),
                   .provider = "none",
                   .request_body = {},
                   .response_body = std::move(body),
                   .stream = true,
                   .usage = usage,
                   .model = "m",
                   .service_tier = {}};
}

}  // namespace

TEST_CASE("each trap of a stream is read right, wherever it is cut") {
  const std::string text = R"(data: {"model":"m","choices":[{"delta":{"content":"a"}}],"usage":null})";
  const std::string usage = R"("usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5})";
  Counts counts;
  for (const Recording& recording : {
           stream_of("no usage", text + "\n\ndata: [DONE]\n\n", std::nullopt),
           stream_of("usage after the choices", text + "\n\ndata: {\"choices\":[]," + usage + "}\n\ndata: [DONE]\n\n",
                     usage_of(3, 2)),
           stream_of("usage beside a choice", text + "\n\ndata: {\"choices\":[{}]," + usage + "}\n\n", usage_of(3, 2)),
           stream_of("usage in every chunk",
                     text + "\n\ndata: {\"choices\":[{}]," + usage + "}\n\n" +
                         R"(data: {"usage":{"prompt_tokens":3,"completion_tokens":9,"total_tokens":12}})" + "\n\n",
                     usage_of(3, 9)),
           stream_of("hidden reasoning",
                     text + "\n\n" +
                         R"(data: {"usage":{"prompt_tokens":12,"completion_tokens":1,"total_tokens":303}})" + "\n\n",
                     usage_of(12, 291)),
           stream_of("Groq", text + "\n\ndata: {\"x_groq\":{" + usage + "}}\n\n", usage_of(3, 2)),
           stream_of(
               "CRLF, comments and no end",
               ": PROCESSING\r\n\r\n" + text + "\r\n\r\nevent: error\r\ndata: {\"error\":{}," + usage + "}\r\n\r\n",
               usage_of(3, 2)),
           stream_of("CR", text + "\r\rdata: {" + usage + "}\r\r", usage_of(3, 2)),
           stream_of("no last blank line", text + "\n\ndata: {" + usage + "}", usage_of(3, 2)),
       }) {
    CAPTURE(recording.name);
    check_usage(recording, counts);
  }
  CHECK(counts.streams == 9);
}

TEST_CASE("recordings that are not there fail the check") {
  const std::filesystem::path empty = std::filesystem::temp_directory_path() / "metergate-golden-empty";
  std::filesystem::create_directories(empty / "open");
  CHECK_FALSE(golden::read_recordings(empty.string()).has_value());
  CHECK_FALSE(golden::read_recordings((empty / "none").string()).has_value());
  std::filesystem::remove_all(empty);
}

TEST_CASE("recorded chat exchanges are read as an independent reader read them, and their bounds hold") {
  const char* traffic = std::getenv("METERGATE_TRAFFIC");
  if (traffic == nullptr || *traffic == '\0') {
    fmt::print("golden: skipped, METERGATE_TRAFFIC is not set\n");
    return;
  }
  const auto recordings = golden::read_recordings(traffic);
  if (!recordings) FAIL(recordings.error().message);
  std::map<std::string, Counts> by_provider;
  for (const Recording& recording : *recordings) {
    CAPTURE(recording.name);
    Counts& counts = by_provider[recording.provider];
    check_usage(recording, counts);
    check_bound(recording, counts);
  }
  REQUIRE(by_provider.contains("openai"));
  for (const auto& [provider, counts] : by_provider)
    fmt::print(
        "golden: {:<22} {:>3} plain {:>3} streams, {:>3} with usage; {:>3} requests, {} refused, {:>3} bounded, "
        "{:>3} priced\n",
        provider, counts.plain, counts.streams, counts.with_usage, counts.requests, counts.refused, counts.bounded,
        counts.priced);
  std::fflush(stdout);
}
