#pragma once
// pages: the files of the dashboard, and how a browser is answered that asks for one. It knows no sockets, no accounts
// and no money: what the pages show they fetch from the admin API, as everybody else does.
//
// A pack is what web/pack.mjs makes of build/web: a table of the files, and each file compressed with gzip.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pages {

struct File {
  std::string_view path;  // "/assets/index-B1x.js"
  std::string_view etag;  // of the file's bytes, without quotes
  std::string_view gzip;  // the whole file, compressed
  std::size_t size = 0;   // bytes, not compressed

  friend bool operator==(const File&, const File&) = default;
};

// A value: the table of a pack whose bytes live as long as the process. Only the table is read before a file is asked
// for, so that files which nobody looks at are never brought into memory.
class Pack {
 public:
  // Errors: internal, with the line that is wrong.
  static base::Result<Pack> read(std::string_view bytes);

  // The file at exactly this path, or nullptr.
  const File* find(std::string_view path) const;

 private:
  std::vector<File> files_;  // by path
};

// What `file` holds. Errors: internal, if it is not gzip or not of its size.
base::Result<std::string> inflate(const File& file);

// The pack that the build found and embedded; nullopt: the binary was built without pages.
std::optional<std::string_view> built_in_pack();

}  // namespace pages
