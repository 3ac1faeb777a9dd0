#include "store/sqlite/checkpointer.h"

#include <chrono>

namespace store::sqlite {
namespace {

constexpr std::chrono::seconds pause_between_rounds{1};
constexpr std::string_view checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";

}  // namespace

base::Result<std::unique_ptr<Checkpointer>> Checkpointer::start(Database& writer, std::mutex& writer_mutex) {
  TRY(Database own, Database::open(writer.path(), Database::Access::read_write));
  return std::unique_ptr<Checkpointer>(new Checkpointer(std::move(own), writer, writer_mutex));
}

Checkpointer::Checkpointer(Database own, Database& writer, std::mutex& writer_mutex)
    : own_(std::move(own)), writer_(writer), writer_mutex_(writer_mutex) {
  writer_.after_commit(&Checkpointer::after_commit, this);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Checkpointer::~Checkpointer() {
  const std::lock_guard lock(writer_mutex_);
  writer_.after_commit(nullptr, nullptr);
}

int Checkpointer::after_commit(void* self, sqlite3*, const char*, int log_pages) {
  if (log_pages < log_pages_due) return SQLITE_OK;
  auto& checkpointer = *static_cast<Checkpointer*>(self);
  {
    const std::lock_guard lock(checkpointer.mutex_);
    checkpointer.due_ = true;
  }
  checkpointer.woken_.notify_one();
  return SQLITE_OK;
}

void Checkpointer::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (woken_.wait(lock, stop, [&] { return due_; })) {
    lock.unlock();
    tend();
    lock.lock();
    due_ = false;
    // What comes due in the pause is seen by the first commit after it.
    woken_.wait_for(lock, stop, pause_between_rounds, [] { return false; });
  }
}

// A round that fails, on a full disk for one, leaves everything in the log, where it is as safe; a later one tries
// again.
void Checkpointer::tend() {
  (void)own_.execute(checkpoint);
  const std::lock_guard lock(writer_mutex_);
  (void)writer_.execute(checkpoint);
}

}  // namespace store::sqlite
