#include "gateway/stats.h"

#include <doctest/doctest.h>

using gateway::Stats;

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
  const std::string text = gateway::prometheus_text({&one, &other});
  for (const char* line :
       {"metergate_replies_total{class=\"2xx\"} 7\n", "metergate_replies_total{class=\"5xx\"} 1\n",
        "metergate_replies_total{class=\"4xx\"} 0\n", "metergate_failures_total{type=\"limit_reached\"} 1\n",
        "metergate_faults_total{source=\"network\"} 2\n", "metergate_overruns_total 5\n",
        "metergate_streams_extended_total 2\n", "metergate_streams_cut_total 3\n",
        "metergate_cost_usd_total 1.500000001\n", "# TYPE metergate_replies_total counter\n"}) {
    CAPTURE(std::string(line));
    CHECK(text.contains(line));
  }
  CHECK(text.ends_with('\n'));
}
