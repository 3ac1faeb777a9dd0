#include "cli/secret_input.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>
#include <ostream>
#include <system_error>

namespace cli {
namespace {

constexpr std::size_t bytes_max = 64 * 1024;

// A terminal that shows nothing of what is typed, until this goes. Signals that would end or stop the process wait for
// that: they are seen on a descriptor, and act when the terminal is as it was.
class HiddenTyping {
 public:
  explicit HiddenTyping(int terminal) : terminal_(terminal) {
    sigset_t held;
    sigemptyset(&held);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) sigaddset(&held, number);
    pthread_sigmask(SIG_BLOCK, &held, &signals_before_);
    signals_ = ::signalfd(-1, &held, SFD_CLOEXEC);
    hidden_ = ::tcgetattr(terminal_, &before_) == 0;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;  // the line break at the end is shown
    hidden_ = hidden_ && ::tcsetattr(terminal_, TCSAFLUSH, &silent) == 0;
  }
  HiddenTyping(const HiddenTyping&) = delete;
  HiddenTyping& operator=(const HiddenTyping&) = delete;
  ~HiddenTyping() {
    if (hidden_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
    if (signals_ >= 0) ::close(signals_);
    pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);
  }

  bool hidden() const { return hidden_ && signals_ >= 0; }
  // Waits for something to read; false: a signal came first.
  bool wait() const {
    pollfd either[] = {{.fd = terminal_, .events = POLLIN, .revents = 0},
                       {.fd = signals_, .events = POLLIN, .revents = 0}};
    while (::poll(either, 2, -1) < 0 && errno == EINTR) {
    }
    return either[1].revents == 0;
  }

 private:
  int terminal_;
  int signals_ = -1;
  bool hidden_ = false;
  termios before_{};
  sigset_t signals_before_{};
};

std::unexpected<base::Error> failed(const std::string& why) {
  return base::fail(base::ErrorType::unavailable, "cannot read the secret: " + why, "secret", base::Source::client);
}

}  // namespace

base::Result<base::Secret> read_secret(int input, std::ostream& err, const std::string& prompt) {
  std::optional<HiddenTyping> typing;
  if (::isatty(input) != 0) {
    typing.emplace(input);
    if (!typing->hidden()) return failed("the terminal would show it; pipe it in instead");
    err << prompt << std::flush;
  }
  std::string text(bytes_max + 1, '\0');  // of its full size at once: what grew would leave copies behind
  std::size_t size = 0;
  while (size < text.size()) {
    if (typing && !typing->wait()) return failed("interrupted");
    const ssize_t count = ::read(input, text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed(std::generic_category().message(errno));
    size += static_cast<std::size_t>(count);
    if (count == 0 || (typing && text[size - 1] == '\n')) break;
  }
  if (size > bytes_max) return base::invalid("standard input holds more than 64 KiB; give the secret alone", "secret");
  if (size > 0 && text[size - 1] == '\n') --size;
  if (size > 0 && text[size - 1] == '\r') --size;
  text.resize(size);
  return base::Secret(std::move(text));
}

}  // namespace cli
