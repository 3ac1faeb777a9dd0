#include "sign_on/ticket.h"

#include <doctest/doctest.h>

#include "base/sha256.h"
#include "sign_on/base64.h"

using sign_on::Ticket;

TEST_CASE("a ticket comes back from its cookie") {
  const Ticket ticket = Ticket::create(base::system_random(), "/accounts?status=active");
  const auto back = Ticket::parse(ticket.cookie());
  REQUIRE(back.has_value());
  CHECK(back->state() == ticket.state());
  CHECK(back->nonce() == ticket.nonce());
  CHECK(back->return_to() == "/accounts?status=active");
  CHECK(ticket.cookie().find_first_of(" \t\",;\\") == std::string::npos);
}

TEST_CASE("what the provider sees of a ticket is new each time, and each thing for itself") {
  const Ticket one = Ticket::create(base::system_random(), "/");
  const Ticket other = Ticket::create(base::system_random(), "/");
  CHECK(one.state() != other.state());
  CHECK(one.state() != one.nonce());
  CHECK(one.nonce() != one.verifier());
  CHECK(one.cookie().find(one.state()) == std::string::npos);
}

TEST_CASE("the challenge is of the verifier, as RFC 7636 has it") {
  const Ticket ticket = Ticket::create(base::system_random(), "/");
  CHECK(ticket.verifier().size() == 43);
  const base::Sha256 digest = base::sha256(ticket.verifier());
  CHECK(ticket.challenge() == sign_on::to_base64url({reinterpret_cast<const char*>(digest.data()), digest.size()}));
}

TEST_CASE("nobody is sent to another site after a login") {
  const auto goes_to = [](std::string_view wanted) {
    const Ticket ticket = Ticket::create(base::system_random(), wanted);
    return Ticket::parse(ticket.cookie())->return_to();
  };
  CHECK(goes_to("/requests") == "/requests");
  for (const char* elsewhere : {"", "https://evil.example", "//evil.example", "/\\evil.example", "evil", "/a b",
                                "/a\r\nSet-Cookie: x", "/a#login=forbidden"})
    CHECK(goes_to(elsewhere) == "/");
}

TEST_CASE("what is no ticket is none") {
  for (const char* text : {"", ".", "abc", "abc.def", "a b.c", "TD0Ol5Alci_isukruLTBD_glR3vwAt0vAjIlpUjFB4Q"})
    CHECK_FALSE(Ticket::parse(text).has_value());
}
