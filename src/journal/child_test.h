#pragma once
// Another process, for tests that kill one.

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <new>

namespace journal::testing {

// Runs `work` in a child process, which ends with its result. In the child nothing may be checked: it has no report.
class Child {
 public:
  template <class Work>
  explicit Child(Work work) {
    std::cout.flush();  // or both would write what is waiting
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) ::_exit(work());
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) kill();
  }
  pid_t pid() const { return pid_; }
  void kill() {
    ::kill(pid_, SIGKILL);
    (void)status();
  }
  // Waits for its next stop or its end.
  int status() {
    int status = 0;
    REQUIRE(::waitpid(pid_, &status, 0) == pid_);
    if (WIFEXITED(status) || WIFSIGNALED(status)) pid_ = 0;
    return status;
  }
  // For a child that is traced (trace_me) and stopped: goes on for one instruction, or up to the next system call.
  // False: it has raised SIGSTOP.
  bool goes_on(__ptrace_request how) {
    int stopped = 0;
    const bool went_on = ::ptrace(how, pid_, nullptr, nullptr) == 0 && ::waitpid(pid_, &stopped, 0) == pid_;
    if (!went_on || !WIFSTOPPED(stopped)) FAIL("the child cannot be traced, or has ended");
    return WSTOPSIG(stopped) != SIGSTOP;
  }
  int result() {
    const int ended = status();
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
  }

 private:
  pid_t pid_ = 0;
};

// In the child: from here on its parent decides when it goes on.
inline void trace_me() {
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
}

// Memory that parent and child share.
template <class Value>
class Shared {
 public:
  Shared()
      : value_(new(::mmap(nullptr, sizeof(Value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Value) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(value_, sizeof(Value)); }
  Value* operator->() const { return value_; }

 private:
  Value* value_;
};

}  // namespace journal::testing
