#include "gateway/stats.h"

#include <fmt/format.h>

#include <functional>
#include <iterator>

#include "base/money.h"

namespace gateway {
namespace {

using Workers = std::vector<const Stats*>;

std::int64_t total(const Workers& workers, const std::function<std::int64_t(const Stats&)>& of) {
  std::int64_t sum = 0;
  for (const Stats* stats : workers) sum += of(*stats);
  return sum;
}

void counter(std::string& out, std::string_view name, std::string_view help) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} counter\n", name, help);
}

// In seconds, exactly.
std::string seconds(std::int64_t ns) { return fmt::format("{}.{:09}", ns / 1'000'000'000, ns % 1'000'000'000); }

template <const auto& bounds>
void histogram(std::string& out, std::string_view name, std::string_view help, const Workers& workers,
               Stats::Histogram<bounds> Stats::* member) {
  fmt::format_to(std::back_inserter(out), "# HELP {0} {1}\n# TYPE {0} histogram\n", name, help);
  std::int64_t count = 0;
  for (std::size_t i = 0; i <= bounds.size(); ++i) {
    count += total(workers, [&](const Stats& stats) { return (stats.*member).count(i); });
    fmt::format_to(std::back_inserter(out), "{}_bucket{{le=\"{}\"}} {}\n", name,
                   i < bounds.size() ? bounds[i].seconds : "+Inf", count);
  }
  const std::int64_t sum = total(workers, [&](const Stats& stats) { return (stats.*member).sum_ns(); });
  fmt::format_to(std::back_inserter(out), "{0}_sum {1}\n{0}_count {2}\n", name, seconds(sum), count);
}

}  // namespace

std::string prometheus_text(const Workers& workers) {
  std::string out;
  const auto line = [&](std::string_view name, std::string_view labels, auto value) {
    fmt::format_to(std::back_inserter(out), "{}{} {}\n", name, labels, value);
  };
  counter(out, "metergate_replies_total", "Replies of the proxy by class of status.");
  for (std::size_t i = 1; i < 6; ++i)
    line("metergate_replies_total", fmt::format("{{class=\"{}xx\"}}", i),
         total(workers, [&](const Stats& stats) { return stats.replies[i].value(); }));
  counter(out, "metergate_failures_total", "Calls answered with an error of the gateway, by type.");
  for (std::size_t i = 0; i < Stats::error_types; ++i)
    line("metergate_failures_total", fmt::format("{{type=\"{}\"}}", base::to_string(static_cast<base::ErrorType>(i))),
         total(workers, [&](const Stats& stats) { return stats.failures[i].value(); }));
  counter(out, "metergate_faults_total", "Failed exchanges by who caused it.");
  for (std::size_t i = 0; i < Stats::sources; ++i)
    line("metergate_faults_total", fmt::format("{{source=\"{}\"}}", base::to_string(static_cast<base::Source>(i))),
         total(workers, [&](const Stats& stats) { return stats.faults[i].value(); }));
  const auto single = [&](std::string_view name, std::string_view help, Stats::Counter Stats::* member) {
    counter(out, name, help);
    line(name, "", total(workers, [&](const Stats& stats) { return (stats.*member).value(); }));
  };
  single("metergate_output_clamped_total", "Calls whose output cap was lowered to what a limit can pay.",
         &Stats::clamped);
  single("metergate_streams_extended_total", "Streams beyond their output cap that more was reserved for.",
         &Stats::extended);
  single("metergate_streams_cut_total", "Streams beyond their output cap that nothing could pay for.", &Stats::cut);
  single("metergate_overruns_total", "Exchanges that cost more than they had reserved.", &Stats::overruns);
  single("metergate_unknown_usage_total", "Exchanges whose cost is not known and stays unresolved.",
         &Stats::unknown_usage);
  single("metergate_deferred_total", "Exchanges whose work went on after the reply, with its cost open.",
         &Stats::deferred);
  single("metergate_unknown_usage_fields_total",
         "Figures in the usage of replies that may cost money and that nothing here knows how to bill.",
         &Stats::unknown_usage_fields);
  single("metergate_replayed_total", "Calls answered with the kept reply of an earlier one (Idempotency-Key).",
         &Stats::replayed);
  single("metergate_fallbacks_total", "Attempts after which a call went on to another upstream.", &Stats::fallbacks);
  single("metergate_client_hangups_total", "Clients that were gone before their reply ended.", &Stats::client_hangups);
  single("metergate_connections_total", "Connections accepted.", &Stats::connections);
  counter(out, "metergate_cost_usd_total", "Settled cost in dollars.");
  line("metergate_cost_usd_total", "",
       base::Money::from_nanos(total(workers, [](const Stats& stats) { return stats.cost_nanos.value(); })).to_usd());
  histogram(out, "metergate_own_seconds",
            "From a request that has come whole to its first bytes upstream, without connecting there.", workers,
            &Stats::own);
  histogram(out, "metergate_upstream_seconds", "From the request's first bytes upstream to the head of the reply.",
            workers, &Stats::upstream);
  return out;
}

}  // namespace gateway
