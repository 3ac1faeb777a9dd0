#include "app/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

namespace app {
namespace {

// Of memory that is free, what a thread keeps at most at the end of its heap; what it takes more than it needs when it
// grows; and what is so large that it gets pages of its own.
constexpr int kept_bytes_max = 64 << 10;
constexpr int taken_ahead_bytes = 16 << 10;
constexpr int own_pages_from_bytes = 1 << 20;

// Of one loaded file, the segments that nobody ever writes to, not even the loader: their pages are the file's.
int release_segments(dl_phdr_info* file, std::size_t, void*) {
  if (std::string_view(file->dlpi_name).starts_with("linux-vdso")) return 0;  // the kernel's, of no file
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (std::size_t i = 0; i < file->dlpi_phnum; ++i) {
    const auto& segment = file->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (file->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    const std::uintptr_t end = file->dlpi_addr + segment.p_vaddr + segment.p_memsz;
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);  // NOLINT(performance-no-int-to-ptr)
  }
  return 0;
}

}  // namespace

void keep_little_memory() {
  ::mallopt(M_TRIM_THRESHOLD, kept_bytes_max);
  ::mallopt(M_TOP_PAD, taken_ahead_bytes);
  ::mallopt(M_MMAP_THRESHOLD, own_pages_from_bytes);
}

void release_start_memory() {
  ::malloc_trim(0);
  release_idle_pages();
}

void release_idle_pages() { ::dl_iterate_phdr(release_segments, nullptr); }

}  // namespace app
