#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>

namespace sim {

// What happens, a line each, if somebody wants to read it.
class Trace {
 public:
  explicit Trace(bool on) : on_(on) {}
  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) {
    if (on_) fmt::print("{}\n", fmt::format(text, std::forward<Args>(args)...));
  }

 private:
  bool on_;
};

}  // namespace sim
