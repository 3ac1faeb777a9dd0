#pragma once
// A database as one file, and the way back.

#include <filesystem>

#include "base/result.h"

namespace store::sqlite {

// Writes the database as it is at one moment to a new file (0600) that is whole, and safe from a power loss, when it
// has its name. Others go on reading and writing meanwhile. conflict: there is a file of that name.
base::Status back_up(const std::filesystem::path& database, const std::filesystem::path& to);

// Puts a backup in the place of the database, at once, brought to this program's schema. What was there is kept beside
// it; returns under which name, or an empty path if there was nothing. Nobody has the database open. Fails, and changes
// nothing, if the file is no whole database of Metergate's.
base::Result<std::filesystem::path> put_back(const std::filesystem::path& backup,
                                             const std::filesystem::path& database);

}  // namespace store::sqlite
