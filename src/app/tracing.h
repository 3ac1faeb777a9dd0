#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "app/config.h"
#include "base/clock.h"
#include "base/random.h"
#include "telemetry/exporter.h"

namespace app {

// The way of spans to their collector: a thread of its own, so that nothing that a collector does is felt by a call.
class Tracing {
 public:
  // `scheme`: as clients call the proxy. What verifies an https collector is read here.
  static base::Result<std::unique_ptr<Tracing>> create(const TracingSettings& settings, std::string_view scheme,
                                                       const base::Clock& clock, base::Random& random);
  ~Tracing();

  // For the workers; as long as this lives.
  telemetry::Tracer& tracer() { return tracer_; }
  void start();
  // After the last exchange. What waits is sent if the collector takes it within a moment, else it is counted as lost.
  void stop();
  std::string metrics() const;

 private:
  Tracing(const TracingSettings& settings, const base::Clock& clock);

  const TracingSettings& settings_;
  telemetry::Tracer tracer_;
  net::Loop loop_;
  std::unique_ptr<net::TlsClientContext> tls_;
  std::unique_ptr<telemetry::Exporter> exporter_;
  std::thread thread_;
};

}  // namespace app
