#include "store/data_folder.h"

namespace store {

base::Result<DataFolder> DataFolder::open(const std::filesystem::path& path) {
  TRY_STATUS(base::create_private_folder(path));
  TRY(base::FileDescriptor lock, base::lock_private_folder(path, "the data folder"));
  return DataFolder(path, std::move(lock));
}

}  // namespace store
