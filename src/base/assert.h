#pragma once
// Assertions guard our own invariants and stay on in production. What a client, a provider, a clock or a database can
// cause is an Error (base/result.h), never an assertion.

namespace base {

// Prints the failed condition with its place and aborts: a gateway that no longer knows what it holds must not go on.
[[noreturn, gnu::cold]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace base

#define ASSERT(condition) \
  (static_cast<bool>(condition) ? static_cast<void>(0) : ::base::assertion_failed(#condition, __FILE__, __LINE__))
