#pragma once

namespace app {

// Before threads start: what a large message or a flush needed once goes back to the system when it is over. Else the
// allocator learns from the largest there was, and keeps as much for good in every thread.
void keep_little_memory();

// Gives the memory back that only the start needed: code that read the configuration and migrated the store, constants
// that it looked at, and what the allocator keeps of it. What is needed again is mapped again from the files that it
// comes from. An idle gateway is half as large for it.
void release_start_memory();

// The same of the code and the constants alone, while the server runs: those that nothing has used since are gone, the
// others are mapped again at their next use. Costs some hundred page faults.
void release_idle_pages();

}  // namespace app
