#pragma once

#include <string>

#include "base/result.h"

namespace app {

// The folder of the store and the journal. Whoever holds one is the only process that uses the folder: two gateways
// on one store would each believe that all leases are theirs.
class DataFolder {
 public:
  // Makes the folder if it does not exist, for its owner only, and locks it. unavailable if another process has it.
  static base::Result<DataFolder> open(const std::string& path);

  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&&) = delete;
  ~DataFolder();  // unlocks

  std::string database() const { return path_ + "/metergate.db"; }

 private:
  DataFolder(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_ = -1;  // a descriptor; the lock goes with it, also when the process is killed
};

// Where a running server takes the command line's requests. Its file permissions are the key.
std::string control_socket(const std::string& data_folder);

}  // namespace app
