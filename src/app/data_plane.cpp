#include "app/data_plane.h"

#include <latch>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "app/store_thread.h"
#include "base/log.h"
#include "gateway/worker.h"
#include "net/http_server.h"
#include "net/listener.h"
#include "quota/scribe.h"

namespace app {

struct DataPlane::Thread {
  explicit Thread(const base::Clock& clock) : loop(clock) {}

  ~Thread() { loop.end(); }  // first the coroutines, which refer to the rest

  net::Loop loop;
  journal::Writer* journal = nullptr;  // nullptr: none is kept
  std::optional<quota::Scribe> scribe;
  std::unique_ptr<gateway::Worker> worker;
  std::unique_ptr<net::HttpServer> server;
  std::unique_ptr<net::Listener> listener;
  std::thread thread;
  bool running = false;
};

namespace {

net::Task<void> shut_down(net::Loop& loop, net::Listener& listener, net::HttpServer& server, gateway::Worker& worker,
                          std::int64_t drain_ms) {
  listener.stop();
  server.drain();
  const std::int64_t deadline_ms = loop.now_ms() + drain_ms;
  while (server.connections() > 0 && loop.now_ms() < deadline_ms) co_await loop.sleep(20);
  worker.drain();
  server.close_all();
  // What is cut off now leaves its reservation unresolved; a moment for those that end by themselves.
  for (int i = 0; i < 10 && loop.tasks() > 1; ++i) co_await loop.sleep(10);
  loop.stop();
}

}  // namespace

base::Result<std::unique_ptr<DataPlane>> DataPlane::create(Parts parts) {
  std::unique_ptr<DataPlane> plane(new DataPlane);
  plane->address_ = parts.config.listen;
  if (parts.config.tls) {
    TRY(plane->tls_, net::TlsServerContext::create(parts.config.tls->certificate, parts.config.tls->key));
  }
  for (int i = 0; i < parts.config.threads; ++i) {
    auto thread = std::make_unique<Thread>(parts.clock);
    const auto number = static_cast<std::uint32_t>(i);
    if (parts.journal != nullptr) {
      thread->journal = &parts.journal->writer(number);
      thread->scribe.emplace(*thread->journal, number);
    }
    TRY(thread->worker, gateway::Worker::create({thread->loop, parts.settings, parts.keeper, parts.idempotency,
                                                 parts.deferred, thread->scribe ? &*thread->scribe : nullptr,
                                                 parts.random, parts.snapshot, parts.tracer}));
    thread->server =
        std::make_unique<net::HttpServer>(thread->loop, *thread->worker, net::ServerOptions{}, plane->tls_.get());
    TRY(const int fd, net::listen_on(plane->address_, i == 0 ? net::Share::first : net::Share::join));
    thread->listener = std::make_unique<net::Listener>(
        thread->loop, fd, [&server = *thread->server, &worker = *thread->worker](int socket) {
          worker.stats().connections.add();
          server.serve(socket);
        });
    plane->threads_.push_back(std::move(thread));
  }
  plane->trust_for(*parts.snapshot);
  return plane;
}

DataPlane::~DataPlane() { stop(0); }

void DataPlane::start() {
  int number = 0;
  for (const auto& thread : threads_) {
    thread->listener->start();
    thread->running = true;
    thread->thread = std::thread([&loop = thread->loop, name = fmt::format("mg-worker-{}", number++)] {
      name_thread(name);
      loop.run();
    });
  }
}

// The authorities are read from disk here, and not by a worker; without limiters, they would be memory for nothing.
void DataPlane::trust_for(const catalog::Snapshot& snapshot) {
  if (trusts_ || snapshot.limiters().empty()) return;
  for (const auto& thread : threads_) {
    auto authorities = net::TlsClientContext::create({});
    if (!authorities)
      return base::log::error("limiters with https base URLs cannot be called: {}", authorities.error().message);
    if (!thread->running) {
      thread->worker->trust(std::move(*authorities));
      continue;
    }
    const auto handed = std::make_shared<std::unique_ptr<net::TlsClientContext>>(std::move(*authorities));
    thread->loop.post([&worker = *thread->worker, handed] { worker.trust(std::move(*handed)); });
  }
  trusts_ = true;
}

void DataPlane::use(const std::shared_ptr<const catalog::Snapshot>& snapshot) {
  trust_for(*snapshot);
  on_every_worker([snapshot](gateway::Worker& worker) { worker.use(snapshot); });
}

base::Status DataPlane::take_on(const std::vector<quota::OpeningLimit>& limits,
                                const std::shared_ptr<const catalog::Snapshot>& next) {
  const auto failed = std::make_shared<std::pair<std::mutex, base::Status>>();
  on_every_worker([=](gateway::Worker& worker) {
    base::Status status = worker.take_on(limits, next);
    const std::lock_guard lock(failed->first);
    if (!status) failed->second = std::move(status);
  });
  return failed->second;
}

void DataPlane::use_secret(const std::string& upstream, const base::Secret& secret) {
  on_every_worker([upstream, secret](gateway::Worker& worker) { worker.use_secret(upstream, secret); });
}

void DataPlane::on_every_worker(const std::function<void(gateway::Worker&)>& change) {
  const auto seen = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(threads_.size()));
  for (const auto& thread : threads_) {
    if (!thread->running) {
      change(*thread->worker);
      seen->count_down();
      continue;
    }
    thread->loop.post([&worker = *thread->worker, change, seen] {
      change(worker);
      seen->count_down();
    });
  }
  seen->wait();
}

void DataPlane::resume_journal(std::uint32_t worker) {
  Thread& thread = *threads_[worker];
  thread.loop.post([&journal = *thread.journal] { journal.resume(); });
}

void DataPlane::stop(std::int64_t drain_ms) {
  for (const auto& thread : threads_) {
    if (!thread->running) continue;
    Thread& one = *thread;
    one.loop.post(
        [&one, drain_ms] { one.loop.spawn(shut_down(one.loop, *one.listener, *one.server, *one.worker, drain_ms)); });
  }
  for (const auto& thread : threads_) {
    if (thread->running) thread->thread.join();
    thread->running = false;
  }
}

std::string DataPlane::metrics() const {
  std::vector<const gateway::Stats*> stats;
  for (const auto& thread : threads_) stats.push_back(&thread->worker->stats());
  return gateway::prometheus_text(stats);
}

}  // namespace app
