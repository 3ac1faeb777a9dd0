#include "app/journal_threads.h"

#include <fmt/format.h>

#include "app/store_thread.h"

namespace app {

JournalThreads::JournalThreads(journal::Journal& journal, std::uint32_t workers) : journal_(journal) {
  for (std::uint32_t worker = 0; worker < workers; ++worker) {
    One& one = *threads_.emplace_back(std::make_unique<One>());
    one.thread = std::thread([this, worker, &one] { run(worker, one); });
  }
}

void JournalThreads::ask(std::uint32_t worker) {
  One& one = *threads_[worker];
  one.asked.fetch_add(1, std::memory_order_release);
  one.asked.notify_one();
}

void JournalThreads::stop() {
  stopping_ = true;
  for (std::uint32_t worker = 0; worker < threads_.size(); ++worker) ask(worker);
  for (const auto& one : threads_)
    if (one->thread.joinable()) one->thread.join();
}

void JournalThreads::run(std::uint32_t worker, One& one) {
  name_thread(fmt::format("mg-journal-{}", worker));
  while (true) {
    const std::uint32_t seen = one.asked.load(std::memory_order_acquire);
    while (journal_.commit(worker)) {
    }
    if (stopping_) return;
    one.asked.wait(seen, std::memory_order_acquire);
  }
}

}  // namespace app
