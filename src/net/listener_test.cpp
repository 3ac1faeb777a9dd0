#include "net/listener.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "net/world_test.h"
#include "tests/support/temporary_folder.h"

using namespace net;
using namespace net::testing;

namespace {

Task<void> accept_until_stopped(Bench& bench) {
  Address address{"127.0.0.1", 0, false};
  std::vector<std::unique_ptr<Stream>> accepted;
  Listener listener(bench.loop, *listen_on(address),
                    [&bench, &accepted](int fd) { accepted.push_back(std::make_unique<Stream>(bench.loop, fd)); });
  listener.start();
  Stream first(bench.loop, connect_to(address)), second(bench.loop, connect_to(address));
  while (accepted.size() < 2) co_await bench.loop.sleep(1);
  co_await send(first, "hello");
  std::array<char, 8> into;
  CHECK((co_await accepted[0]->read_some(into.data(), into.size())).count == 5);
  listener.stop();
  co_await bench.yield();
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(address.port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0);
  ::close(fd);
}

}  // namespace

TEST_CASE("a listener hands on what it accepts, until it is stopped") {
  Bench bench;
  bench.run(accept_until_stopped(bench));
}

TEST_CASE("listening on port 0 takes a free port and says which") {
  Address first{"127.0.0.1", 0, false}, second{"127.0.0.1", 0, false};
  const auto one = listen_on(first);
  const auto other = listen_on(second);
  REQUIRE(one.has_value());
  REQUIRE(other.has_value());
  CHECK(first.port != 0);
  CHECK(first.port != second.port);
  ::close(*one);
  ::close(*other);
}

TEST_CASE("a Unix socket is its owner's alone, and replaces what a killed process left") {
  const tests::TemporaryFolder folder;
  Address address{folder.path() / "metergate.sock", 0, true};
  for (int i = 0; i < 2; ++i) {
    const auto fd = listen_on(address);
    REQUIRE(fd.has_value());
    struct stat found{};
    REQUIRE(::stat(address.host.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
    ::close(*fd);  // the file stays
  }
}

TEST_CASE("an address where nobody can listen is an error that names it") {
  for (const Address& wanted : {Address{"192.0.2.1", 80, false}, Address{"no-such-host.invalid", 80, false},
                                Address{"/no/such/folder/socket", 0, true}, Address{std::string(200, 'x'), 0, true}}) {
    Address address = wanted;
    CAPTURE(address.to_string());
    const auto fd = listen_on(address);
    REQUIRE_FALSE(fd.has_value());
    CHECK(fd.error().message.starts_with("cannot listen on " + wanted.to_string() + ": "));
  }
}
