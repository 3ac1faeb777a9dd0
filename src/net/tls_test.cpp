// TLS over the loopback, with an authority and certificates that are made here.
#include "net/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include <cstdio>
#include <memory>

#include "net/http_client.h"
#include "net/world_test.h"
#include "tests/support/temporary_folder.h"

using namespace net;
using namespace net::testing;
using base::ErrorType;

namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

void add_extension(X509& certificate, X509& issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  REQUIRE(extension != nullptr);
  X509_add_ext(&certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// A certificate for `name`, signed by the issuer, or by itself.
Certificate certify(const char* name, EVP_PKEY& key, X509* issuer, EVP_PKEY& issuer_key, int kind, const char* value) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3'600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3'600);
  X509_set_pubkey(certificate.get(), &key);
  const auto* text = reinterpret_cast<const unsigned char*>(name);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509& signer = issuer == nullptr ? *certificate : *issuer;
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(&signer));
  add_extension(*certificate, signer, kind, value);
  REQUIRE(X509_sign(certificate.get(), &issuer_key, EVP_sha256()) > 0);
  return certificate;
}

// An authority, and a certificate of it for localhost and 127.0.0.1, as files.
class Authority {
 public:
  Authority() {
    // OpenSSL writes with write(2); the program ignores this signal, too.
    ::signal(SIGPIPE, SIG_IGN);
    const Key key(EVP_EC_gen("P-256")), server_key(EVP_EC_gen("P-256"));
    const Certificate root = certify("test authority", *key, nullptr, *key, NID_basic_constraints, "critical,CA:TRUE");
    const Certificate server = certify("server", *server_key, root.get(), *key, NID_subject_alt_name,
                                       "DNS:localhost,DNS:*.example.com,IP:127.0.0.1");
    PEM_write_X509(open("ca.pem").get(), root.get());
    PEM_write_X509(open("server.pem").get(), server.get());
    PEM_write_PrivateKey(open("server.key").get(), server_key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }
  std::string file(const char* name) const { return folder_.path() / name; }

 private:
  std::unique_ptr<std::FILE, Free> open(const char* name) const {
    return std::unique_ptr<std::FILE, Free>(std::fopen(file(name).c_str(), "w"));
  }
  tests::TemporaryFolder folder_;
};

// A TLS server with the scripted handler, and a client's context that trusts its authority.
struct World {
  Authority authority;
  std::unique_ptr<TlsServerContext> server_context =
      *TlsServerContext::create(authority.file("server.pem"), authority.file("server.key"));
  std::unique_ptr<TlsClientContext> trusting = *TlsClientContext::create(authority.file("ca.pem"));
  Served served{{}, server_context.get()};
};

ClientOptions to(World& world, std::string host, TlsClientContext& context) {
  return {.host = std::move(host), .port = world.served.address.port, .tls = &context};
}

// The name is checked, not looked up: the connection goes to the loopback whatever it is called.
Task<base::Status> handshake(World& world, Stream& stream, std::string host) {
  co_return co_await stream.start_tls_client(*world.trusting, host);
}

Task<std::string> get(Stream& stream, std::string path, bool close = false) {
  co_await send(stream, "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + (close ? "Connection: close\r\n" : "") + "\r\n");
  co_return co_await read_at_least(stream, reply_with(path).size());
}

Task<void> verified(World& world) {
  for (const char* host : {"localhost", "127.0.0.1", "api.example.com", "LOCALHOST"}) {
    CAPTURE(std::string(host));
    Stream stream = world.served.connect();
    const auto made = co_await handshake(world, stream, host);
    REQUIRE(made.has_value());
    for (const char* path : {"/one", "/two"}) CHECK(co_await get(stream, path) == reply_with(path));
  }
}

Task<void> wrong_host(World& world) {
  for (const char* host : {"example.com", "a.b.example.com", "localhost.evil.com", "127.0.0.2", "::1", "server"}) {
    CAPTURE(std::string(host));
    Stream stream = world.served.connect();
    const auto made = co_await handshake(world, stream, host);
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().type == ErrorType::upstream_error);
    CHECK(made.error().source == base::Source::network);
    CHECK(made.error().message.starts_with("TLS with " + std::string(host) + " failed: "));
    CHECK(made.error().message.contains("mismatch"));
  }
  CHECK(world.served.script.requests.empty());
}

Task<void> untrusted(World& world) {
  const Authority stranger;
  for (const std::string& authorities : {std::string(), stranger.file("ca.pem")}) {
    const auto context = TlsClientContext::create(authorities);
    REQUIRE(context.has_value());
    Stream stream = world.served.connect();
    const auto made = co_await stream.start_tls_client(**context, "localhost");
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().message.contains("certificate"));
  }
  CHECK(world.served.script.requests.empty());
}

Task<void> no_tls_there(World& world) {
  const auto sockets = connected_sockets();
  Stream stream(world.served.loop, sockets[0]);
  const std::string_view greeting = "SSH-2.0-OpenSSH_9.2p1 Debian\r\n";
  REQUIRE(::send(sockets[1], greeting.data(), greeting.size(), 0) > 0);
  CHECK_FALSE((co_await handshake(world, stream, "localhost")).has_value());

  const auto silent = connected_sockets();
  Stream waiting(world.served.loop, silent[0]);
  waiting.expires_after(1'000);
  world.served.pass(1'000);
  const auto late = co_await handshake(world, waiting, "localhost");
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().type == ErrorType::upstream_timeout);
  ::close(sockets[1]);
  ::close(silent[1]);

  Stream plain = world.served.connect();  // and a client that speaks no TLS is cut
  co_await send(plain, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  Io end{};
  co_await read_to_end(plain, &end);
  CHECK(end != Io::ok);
  CHECK(world.served.script.requests.empty());
}

Task<void> resumed(World& world) {
  HttpClient client(world.served.loop, to(world, "localhost", *world.trusting));
  for (std::int64_t i = 0; i < 4; ++i) {
    auto made = co_await client.connect(1'000);
    REQUIRE(made.has_value());
    CHECK(world.trusting->resumed() == i);  // each but the first
    CHECK(co_await get((*made)->stream(), "/one") == reply_with("/one"));
  }
  // Another host has a session of its own.
  Stream other = world.served.connect();
  REQUIRE((co_await handshake(world, other, "api.example.com")).has_value());
  CHECK(world.trusting->resumed() == 3);
}

Task<void> orderly_end(World& world) {
  Stream stream = world.served.connect();
  REQUIRE((co_await handshake(world, stream, "localhost")).has_value());
  CHECK(co_await get(stream, "/one", true) == reply_with("/one"));
  Io end{};
  co_await read_to_end(stream, &end);
  CHECK(end == Io::closed);
}

Task<void> much(World& world) {
  Stream stream = world.served.connect();
  REQUIRE((co_await handshake(world, stream, "localhost")).has_value());
  const std::string body(1'000'000, 'x');
  co_await send(stream, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  const auto written = co_await stream.write({{}, body, {}});
  CHECK(written.io == Io::ok);
  const std::string reply = reply_with(body);
  CHECK((co_await read_at_least(stream, reply.size()) == reply));

  co_await send(stream, "GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 20; ++i) co_await world.served.yield();
  CHECK(world.served.script.sent < Script::flood_bytes / 2);  // nobody reads
  const std::size_t all = Script::flood_bytes;
  CHECK((co_await read_at_least(stream, all)).size() >= all);
}

}  // namespace

TEST_CASE("a host whose certificate fits is talked to") {
  World world;
  world.served.run(verified(world));
}

TEST_CASE("a certificate for another host is refused, and nothing is sent") {
  World world;
  world.served.run(wrong_host(world));
}

TEST_CASE("a certificate of an authority that is not trusted is refused") {
  World world;
  world.served.run(untrusted(world));
}

TEST_CASE("what is not TLS fails, and silence ends by the clock") {
  World world;
  world.served.run(no_tls_there(world));
}

TEST_CASE("the next handshake with a host goes on from its last session") {
  World world;
  world.served.run(resumed(world));
}

// The end was a mere end of the connection: to the client as if an attacker had cut it.
TEST_CASE("a server that ends a connection says so in TLS") {
  World world;
  world.served.run(orderly_end(world));
}

TEST_CASE("large messages pass through TLS both ways, as fast as they are read") {
  World world;
  world.served.run(much(world));
}

TEST_CASE("files that hold no certificates are errors that name them") {
  const Authority authority;
  const auto message = [](const auto& made) {
    REQUIRE_FALSE(made.has_value());
    return made.error().message;
  };
  CHECK(message(TlsClientContext::create("/no/such.pem")).starts_with("cannot read the authorities in /no/such.pem: "));
  CHECK(message(TlsServerContext::create("/no/such.pem", authority.file("server.key")))
            .starts_with("cannot read the certificate /no/such.pem: "));
  CHECK(message(TlsServerContext::create(authority.file("ca.pem"), authority.file("server.key")))
            .contains("cannot use the key " + authority.file("server.key")));
}
