#pragma once
// The data folder's files are private files (base/private_files.h).

#include "base/private_files.h"

namespace store {

using base::create_private_folder;
using base::FileDescriptor;
using base::open_private_file;
using base::sync_file_and_name;
using base::system_failure;

}  // namespace store
