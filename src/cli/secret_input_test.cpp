#include "cli/secret_input.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <sstream>
#include <streambuf>
#include <thread>

using namespace cli;

namespace {

// What is read from a pipe that held `text`.
base::Result<base::Secret> read_piped(std::string_view text) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  // More than a pipe holds would wait for the reader.
  std::jthread writer([&] {
    for (std::string_view rest = text; !rest.empty();) {
      const ssize_t count = ::write(ends[1], rest.data(), rest.size());
      if (count <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
    ::close(ends[1]);
  });
  std::ostringstream err;
  auto secret = read_secret(ends[0], err, "Key: ");
  CHECK(err.str().empty());  // nobody is there to be asked
  ::close(ends[0]);
  return secret;
}

// A bare chroot has no terminals: nothing is mounted on /dev/pts.
bool has_terminals() { return ::access("/dev/pts/ptmx", F_OK) == 0; }

// A terminal with a person at it, who acts when he sees a prompt.
class Terminal {
 public:
  Terminal() : person_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    REQUIRE(::grantpt(person_) == 0);
    REQUIRE(::unlockpt(person_) == 0);
    program_ = ::open(::ptsname(person_), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(program_ >= 0);
  }
  ~Terminal() {
    ::close(program_);
    ::close(person_);
  }
  int input() const { return program_; }
  void type(std::string_view text) const { REQUIRE(::write(person_, text.data(), text.size()) == std::ssize(text)); }
  bool shows_typing() const {
    termios now{};
    REQUIRE(::tcgetattr(program_, &now) == 0);
    return (now.c_lflag & ECHO) != 0;
  }
  // All that the terminal has shown, up to this text; what it shows comes through the kernel, in its own time.
  std::string screen_until(std::string_view text) const {
    constexpr int patience_ms = 60'000;
    std::string screen;
    std::array<char, 4096> piece{};
    while (!screen.contains(text)) {
      pollfd shown{.fd = person_, .events = POLLIN, .revents = 0};
      if (::poll(&shown, 1, patience_ms) <= 0) break;
      const ssize_t count = ::read(person_, piece.data(), piece.size());
      if (count <= 0) break;
      screen.append(piece.data(), static_cast<std::size_t>(count));
    }
    return screen;
  }

 private:
  int person_;
  int program_ = -1;
};

class Prompted final : public std::streambuf {
 public:
  explicit Prompted(std::function<void()> act) : act_(std::move(act)) {}
  std::string prompts;

 private:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    prompts.append(text, static_cast<std::size_t>(size));
    act_();
    return size;
  }
  std::function<void()> act_;
};

}  // namespace

TEST_CASE("a secret that is piped in is all there is, without the line break at its end") {
  CHECK(read_piped("sk-one")->reveal() == "sk-one");
  CHECK(read_piped("sk-one\n")->reveal() == "sk-one");
  CHECK(read_piped("sk-one\r\n")->reveal() == "sk-one");
  CHECK(read_piped("sk-one\n\n")->reveal() == "sk-one\n");  // the API refuses what is left
  CHECK(read_piped("sk-one\nsk-two\n")->reveal() == "sk-one\nsk-two");
  CHECK(read_piped("\n")->empty());
  CHECK(read_piped("")->empty());
  CHECK(read_piped(std::string(65'536, 'k'))->reveal().size() == 65'536);
  const auto refused = read_piped(std::string(65'537, 'k'));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().field == "secret");
}

TEST_CASE("a secret that is piped in is read to its end, however it comes") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_DIRECT) == 0);  // what is written together is read together
  for (const std::string_view piece : {"sk-one\n", "sk-", "two\n"})
    REQUIRE(::write(ends[1], piece.data(), piece.size()) == std::ssize(piece));
  ::close(ends[1]);
  std::ostringstream err;
  const auto secret = read_secret(ends[0], err, "Key: ");
  ::close(ends[0]);
  CHECK(secret->reveal() == "sk-one\nsk-two");
}

TEST_CASE("a secret that is typed is not shown, and the terminal is afterwards as it was" *
          doctest::skip(!has_terminals())) {
  const Terminal terminal;
  REQUIRE(terminal.shows_typing());
  bool shown = true;
  Prompted prompted([&] {
    shown = terminal.shows_typing();
    terminal.type("sk-typed\nrest\n");
  });
  std::ostream err(&prompted);
  const auto secret = read_secret(terminal.input(), err, "Key of openai: ");
  REQUIRE(secret.has_value());
  CHECK(secret->reveal() == "sk-typed");
  CHECK(prompted.prompts == "Key of openai: ");
  CHECK_FALSE(shown);
  CHECK(terminal.shows_typing());
  terminal.type("seen");
  const std::string screen = terminal.screen_until("seen");
  CHECK(screen.contains("seen"));
  CHECK_FALSE(screen.contains("sk-typed"));
}

TEST_CASE("a signal while a secret is typed acts when the terminal is as it was" * doctest::skip(!has_terminals())) {
  static const Terminal* watched = nullptr;
  static int seen = 0;
  static bool shown = false;
  const Terminal terminal;
  watched = &terminal;
  struct sigaction before{};
  struct sigaction note{};
  note.sa_handler = [](int) {
    ++seen;
    shown = watched->shows_typing();
  };
  REQUIRE(::sigaction(SIGINT, &note, &before) == 0);
  Prompted prompted([] { ::raise(SIGINT); });
  std::ostream err(&prompted);
  const auto secret = read_secret(terminal.input(), err, "Key: ");
  REQUIRE(::sigaction(SIGINT, &before, nullptr) == 0);
  REQUIRE_FALSE(secret.has_value());
  CHECK(secret.error().message == "cannot read the secret: interrupted");
  CHECK(seen == 1);
  CHECK(shown);
}
