#pragma once
// What /metrics says of the store and the journal, in the Prometheus text format. Only what is known without a question
// to the disk, but for the sizes of files, which the file system has at hand.

#include <filesystem>
#include <string>

#include "journal/journal.h"
#include "quota/keeper.h"

namespace app {

std::string store_metrics(const quota::Keeper::Health& health, base::Instant now);
// `error`: why segments could not be made; empty: they could.
std::string journal_metrics(journal::Journal& journal, std::uint32_t segment_bytes, const std::string& error);
// Of the database's file, its write-ahead log and the disk that they are on. What cannot be read is left out.
std::string database_metrics(const std::filesystem::path& database);

}  // namespace app
