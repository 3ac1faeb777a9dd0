#include "app/tracing_settings.h"

#include "app/config_world_test.h"

using namespace app;
using namespace app::testing;

namespace {

// A configuration whose `tracing` is that.
std::string with(std::string_view tracing) { return one_upstream + "tracing: " + std::string(tracing) + "\n"; }

}  // namespace

TEST_CASE("tracing is off unless the file has it") {
  CHECK_FALSE(report_of(one_upstream, environment_of({})).config.tracing.has_value());
}

TEST_CASE("a collector is its address, with OTLP's own path unless it has one") {
  const auto plain = report_of(with("{ otlp: http://collector:4318 }"), environment_of({}));
  REQUIRE(plain.findings.empty());
  REQUIRE(plain.config.tracing.has_value());
  const telemetry::Collector& collector = plain.config.tracing->collector;
  CHECK(collector.authority() == "collector:4318");
  CHECK(collector.path == "/v1/traces");
  CHECK(plain.config.tracing->service_name == "metergate");
  CHECK(plain.config.tracing->tracer.sample_billionths == telemetry::TracerOptions::always);
  CHECK(plain.config.tracing->tracer.propagation == telemetry::Propagation::none);
  CHECK(plain.config.tracing->tracer.queue_max == 2048);

  const auto told = report_of(
      with("{ otlp: \"https://[::1]/api/otlp/\", headers: { Authorization: \"Bearer ${TOKEN}\", x-scope: a }, "
           "service_name: gate, sample: \"0.125\", propagate: true, queue: 5 }"),
      environment_of({{"TOKEN", "s3cret"}}));
  for (const Finding& finding : told.findings) FAIL_CHECK(finding.to_string());
  const TracingSettings& settings = *told.config.tracing;
  CHECK(settings.collector.origin() == "https://[::1]");
  CHECK(settings.collector.port == 443);
  CHECK(settings.collector.path == "/api/otlp");
  REQUIRE(settings.collector.headers.size() == 2);
  CHECK(settings.collector.headers[0].second.reveal() == "Bearer s3cret");
  CHECK(settings.service_name == "gate");
  CHECK(settings.tracer.sample_billionths == 125'000'000);
  CHECK(settings.tracer.propagation == telemetry::Propagation::ours);
  CHECK(settings.tracer.queue_max == 5);
}

TEST_CASE("what is wrong with tracing is said with its remedy") {
  const std::string otlp = "otlp: http://c";
  check_findings({
      {with("{ sample: 1 }"),
       "m.yaml:2: 'tracing.otlp' is missing: the collector's address, such as http://localhost:4318"},
      {with("{ otlp: collector:4318 }"), "m.yaml:2: 'tracing.otlp' must begin with https:// or http://"},
      {with("{ otlp: \"http://me:secret@c\" }"),
       "m.yaml:2: 'tracing.otlp' must not hold a user name or password; what the collector wants belongs in 'headers'"},
      {with("{ " + otlp + ", headers: { Host: x } }"),
       "m.yaml:2: 'tracing.headers' has 'Host', which every export has already; leave it out"},
      {with("{ " + otlp + ", headers: { Connection: x } }"),
       "m.yaml:2: 'tracing.headers' has 'Connection', which every export has already; leave it out"},
      {with("{ " + otlp + ", headers: { \"a b\": x } }"),
       "m.yaml:2: 'tracing.headers' has the name 'a b', which must be 1 to 64 letters, digits, '-', '_' or '.'"},
      {with("{ " + otlp + ", headers: { x-token: \"${SECRET}\\n\" } }"),
       "m.yaml:2: 'tracing.headers' has a value of 'x-token' that is empty or holds what a header cannot carry"},
      {with("{ otlp: https://c, ca_file: none.pem }"), "m.yaml:2: 'tracing.ca_file' names a file that cannot be read"},
      {with("{ " + otlp + ", ca_file: m.yaml }"),
       "m.yaml:2: 'tracing.ca_file' has no use with an http:// address; write https:// or leave it out"},
      {with("{ " + otlp + ", sample: 1.5 }"),
       "m.yaml:2: 'tracing.sample' is 1.5; it must be a part of the traces from 0 to 1, such as 0.1"},
      {with("{ " + otlp + ", propagate: maybe }"), "m.yaml:2: 'tracing.propagate' must be false or true, not maybe"},
      {with("{ " + otlp + ", queue: 0 }"), "m.yaml:2: 'tracing.queue' must be between 1 and 1000000, not 0"},
      {with("{ " + otlp + ", quue: 5 }"), "m.yaml:2: 'tracing.quue' is not a known key; did you mean 'queue'?"},
  });
}
