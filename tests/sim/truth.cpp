#include "tests/sim/truth.h"

#include <fmt/format.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace sim {
namespace {

constexpr const char* file_name = "metergate.db";

// In memory too, if there is such a place: what is tried here are the store's answers, not the disk.
std::filesystem::path root_of_files() {
  static int made = 0;
  const std::filesystem::path in_memory = "/dev/shm";
  const auto parent = std::filesystem::is_directory(in_memory) ? in_memory : std::filesystem::temp_directory_path();
  return parent / fmt::format("metergate-sim-{}-{}", getpid(), ++made);
}

}  // namespace

Truth::Truth(StoreKind kind) {
  if (kind == StoreKind::memory) {
    memory_ = std::make_unique<store::MemoryStore>();
    serve(*memory_);
    return;
  }
  root_ = root_of_files();
  folder_ = root_ / "0";
  open();
}

Truth::~Truth() {
  sqlite_.reset();
  std::error_code ignored;  // what is left lies in a folder for temporary files
  if (!root_.empty()) std::filesystem::remove_all(root_, ignored);
}

template <class Store>
void Truth::serve(Store& store) {
  catalog_ = &store;
  quota_ = &store;
  ledger_ = &store;
  usage_ = &store;
  crossings_ = &store;
  keys_ = &store;
  unresolved_ = &store;
}

void Truth::open() {
  std::filesystem::create_directories(folder_);
  auto opened = store::SqliteStore::open(folder_ / file_name);
  if (!opened) throw std::runtime_error("the store cannot be opened: " + opened.error().message);
  sqlite_ = std::move(*opened);
  serve(*sqlite_);
}

void Truth::close() {
  if (!sqlite_) return;
  sqlite_.reset();
  open();
}

// The next process finds the files as they lie at this moment: whatever the last one still does to its own while it is
// taken down does not reach them.
void Truth::kill() {
  if (!sqlite_) return;
  const std::filesystem::path before = std::exchange(folder_, root_ / std::to_string(++killed_));
  std::filesystem::create_directories(folder_);
  // Not its index (-shm): that is of those who have it open. The file before its log, which has all that is not in it.
  for (const char* const suffix : {"", "-wal"})
    if (const auto file = before / (std::string(file_name) + suffix); std::filesystem::exists(file))
      std::filesystem::copy_file(file, folder_ / file.filename());
  sqlite_.reset();
  std::filesystem::remove_all(before);
  open();
}

}  // namespace sim
