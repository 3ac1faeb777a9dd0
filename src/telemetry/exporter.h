#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "net/http_client.h"
#include "telemetry/collector.h"
#include "telemetry/delivery.h"
#include "telemetry/span.h"
#include "telemetry/tracer.h"

namespace telemetry {

// Takes what ended exchanges left with the tracer, and sends it to the collector in batches: as soon as there is a
// whole one, or after so long. One connection, one batch at a time, which is kept until it was taken or there is no use
// in it any more; what comes meanwhile waits with the tracer. Used on its loop's thread.
class Exporter {
 public:
  struct Parts {
    net::Loop& loop;
    Tracer& tracer;
    base::Random& random;
    const Collector& collector;
    Resource resource;
    std::string scheme;                    // as clients call the proxy
    net::TlsClientContext* tls = nullptr;  // of an https collector
    std::int64_t batch_every_ms = 5'000;
  };
  explicit Exporter(Parts parts);
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // Until it is told to end. Once.
  net::Task<void> run();
  // There is a whole batch.
  void wake();
  // What is waiting is sent now, without a second try; run() ends then.
  void end();
  // Counts what is left as dropped: nobody will send it any more.
  void drop_rest();

 private:
  struct Answered {
    ExportAnswer answer;
    std::string retry_after;  // where the answer's view points
    std::string body;
    std::string failure;  // why there is none
  };
  // Suspends until so much time has gone by, or it is woken.
  net::Task<void> pause(std::int64_t ms);
  net::Task<void> deliver(std::vector<EndedExchange> batch);
  net::Task<void> send(const std::string& body, Answered& into);
  // One request on a connection; why not, if there was no answer.
  net::Task<base::Status> ask(net::ClientConnection& connection, const std::string& body, Answered& into);
  void note_delivered(const Answered& answered, std::size_t spans);
  void note_failed(const Answered& answered);

  Parts parts_;
  net::HttpClient client_;
  std::string head_;
  net::asio::basic_waitable_timer<std::chrono::steady_clock, net::asio::wait_traits<std::chrono::steady_clock>,
                                  net::Executor>
      timer_;
  bool idle_ = false;  // nothing but a whole batch is waited for
  bool ending_ = false;
  bool failing_ = false;     // the log has said so
  std::size_t in_hand_ = 0;  // spans that are being sent
};

}  // namespace telemetry
