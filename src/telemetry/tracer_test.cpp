#include "telemetry/tracer.h"

#include <doctest/doctest.h>

#include "tests/support/seeded_random.h"

using namespace telemetry;

namespace {

constexpr std::string_view trace = "0af7651916cd43dd8448eb211c80319c";
const std::string recorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const std::string unrecorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

EndedExchange ended_with(std::size_t attempts) {
  auto exchange = std::make_unique<ExchangeTrace>();
  exchange->attempts.resize(attempts);
  return exchange;
}

std::int64_t dropped(const Tracer& tracer, Drop why) {
  return tracer.stats().dropped[static_cast<std::size_t>(why)].load();
}

}  // namespace

TEST_CASE("a client's trace goes on as it decided, whatever is sampled here") {
  tests::SeededRandom random(1);
  const std::vector<net::Field> told{{"traceparent", recorded}, {"tracestate", "a=1"}};
  const auto exchange = Tracer({.sample_billionths = 0}).begin(told, random);
  REQUIRE(exchange != nullptr);
  CHECK(to_hex(exchange->context.trace.bytes) == trace);
  CHECK(to_hex(exchange->parent->bytes) == "b7ad6b7169203331");
  CHECK(exchange->context.span != *exchange->parent);
  CHECK(exchange->state == "a=1");
  CHECK(exchange->recorded());

  const std::vector<net::Field> not_recorded{{"traceparent", unrecorded}};
  CHECK(Tracer({}).begin(not_recorded, random) == nullptr);
  const auto handed_on = Tracer({.propagation = Propagation::ours}).begin(not_recorded, random);
  REQUIRE(handed_on != nullptr);
  CHECK_FALSE(handed_on->recorded());
}

TEST_CASE("of the traces that begin here, the part is sampled that was asked for") {
  tests::SeededRandom random(2);
  const auto sampled_of_thousand = [&](std::int64_t billionths) {
    const Tracer tracer({.sample_billionths = billionths});
    int sampled = 0;
    for (int i = 0; i < 1000; ++i) sampled += tracer.begin({}, random) != nullptr ? 1 : 0;
    return sampled;
  };
  CHECK(sampled_of_thousand(0) == 0);
  CHECK(sampled_of_thousand(TracerOptions::always) == 1000);
  const int quarter = sampled_of_thousand(250'000'000);
  CHECK(quarter > 200);
  CHECK(quarter < 300);
}

TEST_CASE("what begins without a parent that is valid begins anew") {
  tests::SeededRandom random(3);
  const std::vector<net::Field> broken{{"traceparent", "00-x"}, {"tracestate", "a=1"}};
  const auto exchange = Tracer({}).begin(broken, random);
  REQUIRE(exchange != nullptr);
  CHECK_FALSE(exchange->parent.has_value());
  CHECK(exchange->state.empty());
  CHECK(to_hex(exchange->context.trace.bytes) != trace);
}

TEST_CASE("the queue is bounded, and what it cannot hold is counted in spans") {
  Tracer tracer({.queue_max = 2});
  for (int i = 0; i < 4; ++i) tracer.offer(ended_with(2));
  CHECK(dropped(tracer, Drop::queue_full) == 2 * 3);
  CHECK(tracer.take().size() == 2);
  tracer.offer(ended_with(0));
  CHECK(tracer.take().size() == 1);
  CHECK(dropped(tracer, Drop::queue_full) == 2 * 3);
}

TEST_CASE("only the exchange that fills a batch wakes the exporter") {
  Tracer tracer({});
  int woken = 0;
  tracer.when_full([&] { ++woken; });
  for (std::size_t i = 0; i < Tracer::batch_spans / 2 - 1; ++i) tracer.offer(ended_with(1));
  CHECK(woken == 0);
  CHECK_FALSE(tracer.has_batch());
  for (int i = 0; i < 10; ++i) tracer.offer(ended_with(1));
  CHECK(woken == 1);
  CHECK(tracer.has_batch());
  CHECK(tracer.take().size() == Tracer::batch_spans / 2);
  CHECK(tracer.take().size() == 9);
  CHECK(tracer.take().empty());
  for (std::size_t i = 0; i < Tracer::batch_spans / 2; ++i) tracer.offer(ended_with(1));
  CHECK(woken == 2);
}

TEST_CASE("an exchange with more spans than a batch is one all the same") {
  Tracer tracer({});
  tracer.offer(ended_with(Tracer::batch_spans));
  tracer.offer(ended_with(0));
  CHECK(tracer.take().size() == 1);
  CHECK(tracer.take().size() == 1);
}
