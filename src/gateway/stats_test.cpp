#include "gateway/stats.h"

#include "gateway/world_test.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;

namespace {

// Three seconds for the client to send its body, two milliseconds until the keeper decides, forty for the upstream.
Task<void> counts_times(World& world) {
  const std::string call = world.call(R"({"model":"m","messages":[],"max_tokens":10})");
  const std::size_t body = call.find("\r\n\r\n") + 4;
  world.keeper_sleeps = true;
  world.upstream.on_request = [&] { world.pass(40); };
  net::Stream client = world.connect();
  co_await net::testing::send(client, call.substr(0, body));
  co_await world.yield();
  world.pass(3'000);
  co_await net::testing::send(client, call.substr(body));
  co_await world.yield();
  world.pass(2);
  world.keeper->turn();
  const Reply reply = co_await read_reply(client);
  CHECK(reply.status() == 200);
}

}  // namespace

TEST_CASE("the metrics are the sums over all workers, in the Prometheus text format") {
  Stats one, other;
  one.replies[2].add(3);
  other.replies[2].add(4);
  other.replies[5].add();
  one.failures[static_cast<std::size_t>(base::ErrorType::limit_reached)].add();
  one.faults[static_cast<std::size_t>(base::Source::network)].add(2);
  one.cost_nanos.add(1'500'000'000);
  other.cost_nanos.add(1);
  one.overruns.add(5);
  one.extended.add(2);
  other.cut.add(3);
  one.own.add(50'000);
  other.own.add(50'001);
  other.own.add(2'000'000'000);
  one.own.add(-1);
  one.upstream.add(700'000'000);
  const std::string text = gateway::prometheus_text({&one, &other});
  for (const char* line : {"metergate_replies_total{class=\"2xx\"} 7\n",
                           "metergate_replies_total{class=\"5xx\"} 1\n",
                           "metergate_replies_total{class=\"4xx\"} 0\n",
                           "metergate_failures_total{type=\"limit_reached\"} 1\n",
                           "metergate_faults_total{source=\"network\"} 2\n",
                           "metergate_overruns_total 5\n",
                           "metergate_streams_extended_total 2\n",
                           "metergate_streams_cut_total 3\n",
                           "metergate_cost_usd_total 1.500000001\n",
                           "# TYPE metergate_replies_total counter\n",
                           "# TYPE metergate_own_seconds histogram\n",
                           "metergate_own_seconds_bucket{le=\"0.00005\"} 2\n",
                           "metergate_own_seconds_bucket{le=\"0.0001\"} 3\n",
                           "metergate_own_seconds_bucket{le=\"1\"} 3\n",
                           "metergate_own_seconds_bucket{le=\"+Inf\"} 4\n",
                           "metergate_own_seconds_sum 2.000100001\n",
                           "metergate_own_seconds_count 4\n",
                           "metergate_upstream_seconds_bucket{le=\"0.5\"} 0\n",
                           "metergate_upstream_seconds_bucket{le=\"1\"} 1\n",
                           "metergate_upstream_seconds_sum 0.700000000\n"}) {
    CAPTURE(std::string(line));
    CHECK(text.contains(line));
  }
  CHECK(text.ends_with('\n'));
}

TEST_CASE("a call's time here and its time upstream are counted apart, and the client's own is neither") {
  World world;
  world.limit(1'000'000'000);
  world.answers(R"({"choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5}})");
  world.open();
  world.run(counts_times(world));
  const Stats& stats = world.worker->stats();
  CHECK(stats.own.sum_ns() == 2'000'000);
  CHECK(stats.own.count(5) == 1);  // up to 2.5 ms
  CHECK(stats.upstream.sum_ns() == 40'000'000);
}
