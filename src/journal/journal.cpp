#include "journal/journal.h"

#include "base/assert.h"

namespace journal {

base::Result<std::unique_ptr<Journal>> Journal::open(Disk& disk, const Owner& owner, std::uint32_t workers,
                                                     const Options& options, Calls calls) {
  ASSERT(workers > 0 && workers <= workers_limit);
  TRY_STATUS(options.check());
  std::unique_ptr<Journal> journal(new Journal);
  std::vector<Supply*> supplies;
  for (std::uint32_t worker = 0; worker < workers; ++worker)
    supplies.push_back(journal->supplies_.emplace_back(std::make_unique<Supply>()).get());
  journal->preparer_ = std::make_unique<Preparer>(disk, owner, options, supplies);
  TRY_STATUS(journal->prepare());
  for (std::uint32_t worker = 0; worker < workers; ++worker) {
    Committer* committer = nullptr;
    if (options.durability == Durability::power)
      committer = journal->committers_
                      .emplace_back(std::make_unique<Committer>([commit = calls.commit, worker] { commit(worker); },
                                                                [durable = calls.durable, worker] { durable(worker); }))
                      .get();
    journal->writers_.push_back(std::make_unique<Writer>(options, *supplies[worker], committer, calls.prepare));
  }
  TRY_STATUS(journal->prepare());  // each writer has taken one
  return journal;
}

}  // namespace journal
