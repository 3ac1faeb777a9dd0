#pragma once
// Moves what was committed from SQLite's write-ahead log into the database file, beside the commits and not within
// them: that is some megabytes written and two syncs, during which no grant should wait.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "store/sqlite/database.h"

namespace store::sqlite {

// A thread with a connection of its own, idle until a commit has left the log longer than `log_pages_due`, and at most
// once a second. A round first moves what there is while commits go on, and then, with the writer kept waiting, the few
// pages that came meanwhile: only a log that is moved in full is begun again from its start. A reader that stays in old
// rows delays that; the log grows until it goes.
class Checkpointer {
 public:
  static constexpr int log_pages_due = 1'000;

  // `writer` is used under `writer_mutex`; both outlive the checkpointer.
  static base::Result<std::unique_ptr<Checkpointer>> start(Database& writer, std::mutex& writer_mutex);
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;
  ~Checkpointer();

 private:
  Checkpointer(Database own, Database& writer, std::mutex& writer_mutex);
  static int after_commit(void* self, sqlite3*, const char* schema, int log_pages);
  void run(const std::stop_token& stop);
  void tend();

  Database own_;
  Database& writer_;
  std::mutex& writer_mutex_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  bool due_ = false;
  std::jthread thread_;  // ends first
};

}  // namespace store::sqlite
