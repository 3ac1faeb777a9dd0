#pragma once

namespace app {

// Gives the memory back that only the start needed: code that read the configuration and migrated the store, constants
// that it looked at, and what the allocator keeps of it. What is needed again is mapped again from the files that it
// comes from. An idle gateway is half as large for it.
void release_start_memory();

}  // namespace app
