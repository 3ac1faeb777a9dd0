#pragma once

#include <memory>
#include <thread>

#include "app/server.h"
#include "net/http_server.h"
#include "net/listener.h"

namespace app {

// A provider that costs nothing: the OpenAI dialect of chat/completions and models, plain and streamed, with usage
// numbers one could believe, that misbehaves as the options say. On its own thread.
class DemoUpstream {
 public:
  static base::Result<std::unique_ptr<DemoUpstream>> start(const DemoUpstreamOptions& options,
                                                           const base::Clock& clock);
  ~DemoUpstream();
  const net::Address& address() const { return address_; }

 private:
  class Dialect;
  explicit DemoUpstream(const DemoUpstreamOptions& options, const base::Clock& clock);

  net::Loop loop_;
  net::Address address_;
  std::unique_ptr<Dialect> dialect_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::Listener> listener_;
  std::thread thread_;
};

}  // namespace app
