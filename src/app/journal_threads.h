#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "journal/journal.h"

namespace app {

// `journal.durability: power`: a thread for each worker that writes through what the worker has put into its journal,
// all at once (group commit), while the worker goes on with other exchanges.
class JournalThreads {
 public:
  // `journal` outlives the threads.
  JournalThreads(journal::Journal& journal, std::uint32_t workers);
  ~JournalThreads() { stop(); }

  // From any thread: there is something to write through.
  void ask(std::uint32_t worker);
  // What was asked for before is written through first.
  void stop();

 private:
  struct One {
    std::atomic<std::uint32_t> asked = 0;  // how often
    std::thread thread;
  };
  void run(std::uint32_t worker, One& one);

  journal::Journal& journal_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::unique_ptr<One>> threads_;
};

}  // namespace app
