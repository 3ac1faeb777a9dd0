#include "tests/sim/machine.h"

#include <algorithm>

namespace sim {
namespace {

// Small, so that a life goes through many segments.
journal::Options options_of(Keeping keeping) {
  return {.durability = keeping == Keeping::power ? journal::Durability::power : journal::Durability::process,
          .segment_bytes = 16 * 1024,
          .record_bytes_max = 2 * 1024};
}

}  // namespace

Machine::Machine(Keeping keeping, std::uint64_t seed)
    : keeping_(keeping),
      options_(options_of(keeping)),
      dice_(seed),
      folder_(std::make_unique<journal::MemoryFolder>(dice_)) {}

base::Result<quota::Journals> Machine::begin(quota::Store& store, std::uint32_t workers, base::WallTime now) {
  disk_.reset();
  folder_of_the_dead_.reset();
  if (keeping_ == Keeping::nothing) return quota::open_journals(store, nullptr, workers, now, options_, {});
  TRY(disk_, journal::MemoryDisk::open(*folder_));
  return quota::open_journals(store, disk_.get(), workers, now, options_,
                              {.prepare =
                                   [this] {
                                     if (bells.prepare) bells.prepare();
                                   },
                               .commit =
                                   [this](std::uint32_t worker) {
                                     if (bells.commit) bells.commit(worker);
                                   },
                               .durable =
                                   [this](std::uint32_t worker) {
                                     if (bells.durable) bells.durable(worker);
                                   }});
}

void Machine::kill() {
  if (folder_of_the_dead_ != nullptr) return;
  folder_of_the_dead_ = folder_->after_kill();
  std::swap(folder_, folder_of_the_dead_);
}

void Machine::lose_power() {
  kill();
  folder_->lose_power();
}

bool Machine::damage(Dice& dice) {
  kill();
  const auto names = folder_->names();
  if (names.empty()) return false;
  const std::string& name = dice.any_of(names);
  if (dice.once_in(2)) {
    folder_->erase(name);
  } else {
    const auto bytes = static_cast<std::int64_t>(folder_->bytes(name).size());
    folder_->truncate(name, static_cast<std::size_t>(dice.between(0, bytes - 1)));
  }
  return true;
}

void Machine::leave_room_for(std::size_t files) {
  std::size_t bytes = 0;
  for (const std::string& name : folder_->names()) bytes += folder_->bytes(name).size();
  const std::size_t file = keeping_ == Keeping::power ? 2 * options_.segment_bytes : options_.segment_bytes;
  folder_->trouble.capacity = bytes + files * file;
}

}  // namespace sim
