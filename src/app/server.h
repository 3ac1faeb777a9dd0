#pragma once
// The three programs that stay up. Each returns the process's exit code when a signal has ended it, or when it could
// not start; what went wrong has been written to standard error then.

#include <cstdint>
#include <optional>
#include <string>

#include "app/config.h"

namespace app {

// metergate serve: the gateway.
struct ServeOptions {
  std::optional<std::string> config_file;  // none: default_config_file(), else the environment alone
  ConfigOverrides overrides;               // what the command line says wins over the file
};

// metergate demo: a gateway on a memory store and the demo upstream, in one process.
struct DemoOptions {
  net::Address listen{"127.0.0.1", 8080};
  net::Address control{"127.0.0.1", 8081};
  std::uint16_t upstream_port = 0;  // of the demo upstream, on 127.0.0.1; 0: any free one
};

// metergate demo-upstream: a provider of the OpenAI dialect that costs nothing and misbehaves on request.
struct DemoUpstreamOptions {
  net::Address listen{"127.0.0.1", 9090};
  std::int64_t latency_ms = 0;      // before the first byte of a reply
  std::int64_t chunk_delay_ms = 0;  // between the chunks of a stream
  int chunks = 10;                  // of a stream, and tokens of an answer that is not capped lower
  std::optional<int> error_status;  // answer every call with this HTTP status (400 to 599) and an error body
  bool ignore_max_tokens = false;   // answer longer than the request allows
  bool hang = false;                // take the request and never answer
  bool break_off = false;           // cut the connection in the middle of every answer
  bool whole_reservation = false;   // use exactly as many output tokens as the request allows
};

int serve(const ServeOptions& options);
int demo(const DemoOptions& options);
int demo_upstream(const DemoUpstreamOptions& options);

}  // namespace app
