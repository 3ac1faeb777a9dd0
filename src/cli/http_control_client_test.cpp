#include <doctest/doctest.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "app/control_plane.h"
#include "app/offline.h"
#include "cli/control_client.h"
#include "cli/explainer_test.h"
#include "store/memory/memory_store.h"
#include "tests/support/seeded_random.h"

using namespace cli;

namespace {

// A control plane on a free port and on a socket in a folder of its own.
class Plane {
 public:
  Plane() {
    std::string pattern = std::filesystem::temp_directory_path() / "metergate-plane-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    plane_ = *app::ControlPlane::create(
        api_, {.tcp = net::Address{"127.0.0.1", 0}, .local = net::Address{socket(), 0, true}}, base::system_clock());
    plane_->start();
  }
  ~Plane() {
    stop();
    std::filesystem::remove_all(folder_);
  }
  void stop() { plane_->stop(); }
  std::string socket() const { return app::control_socket(folder_); }
  std::string url() const { return "http://" + plane_->address()->to_string(); }

 private:
  std::filesystem::path folder_;
  store::MemoryStore store_;
  tests::SeededRandom random_{1};
  std::unique_ptr<catalog::Catalog> catalog_ = *catalog::Catalog::open(store_, base::system_clock(), random_);
  app::StoreInspector inspector_{store_, base::system_clock()};
  catalog::UpstreamSecrets upstreams_{{}, store_};
  cli::ScriptedExplainer explainer_;
  identity::Users users_{store_, base::system_clock(), random_};
  identity::Sessions sessions_{store_,
                               identity::SigningKeys::random(random_),
                               0,
                               [](const base::Sha256&) { return false; },
                               base::system_clock(),
                               random_};
  quota::UnresolvedDesk unresolved_{store_, base::system_clock(), random_, std::nullopt};
  admin::Api api_{{.catalog = *catalog_,
                   .upstreams = upstreams_,
                   .usage = store_,
                   .feed = store_,
                   .limit_events = store_,
                   .inspector = inspector_,
                   .explainer = explainer_,
                   .unresolved = unresolved_,
                   .books = store_,
                   .ledger = store_,
                   .users = users_,
                   .sessions = sessions_,
                   .identity = store_,
                   .idempotency = &store_,
                   .clock = base::system_clock(),
                   .random = random_,
                   .options = {.environment_admin_key_hash = base::sha256("right"), .metrics = {}, .ready = {}}}};
  std::unique_ptr<app::ControlPlane> plane_;
};

admin::Request request(std::string method, std::string path, std::string body = {}) {
  return {.method = std::move(method), .path = std::move(path), .query = {}, .body = std::move(body), .credential = {}};
}

// What a server that was killed leaves in its folder: a socket that nobody listens on.
void leave_socket_behind(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  ::close(fd);
}

}  // namespace

TEST_CASE("a server is reached over TCP with the right key only") {
  Plane plane;
  const auto client = connect_to_server(plane.url() + "/", "right");
  REQUIRE(client.has_value());
  const auto created = (*client)->send(request("POST", "/api/v1/accounts", R"({"name":"a b/c?ü"})"));
  REQUIRE_MESSAGE(created.has_value(), created.error().message);
  CHECK(created->status == 201);
  auto search = request("GET", "/api/v1/accounts");
  search.query = {{"name", "a b/c?ü"}};
  const auto found = (*client)->send(search);
  CHECK(found->status == 200);
  CHECK(found->body.contains(R"("name":"a b/c?ü")"));
  CHECK((*connect_to_server(plane.url(), "wrong"))->send(request("GET", "/api/v1/accounts"))->status == 401);
}

TEST_CASE("the data folder's socket needs no key, and is left alone when nobody listens") {
  Plane plane;
  const auto client = connect_to_socket(plane.socket());
  REQUIRE(client.has_value());
  REQUIRE(*client != nullptr);
  CHECK((*client)->send(request("GET", "/api/v1/accounts"))->status == 200);
  plane.stop();
  CHECK_FALSE((*client)->send(request("GET", "/api/v1/accounts")).has_value());
  CHECK(*connect_to_socket(plane.socket()) == nullptr);
  leave_socket_behind(plane.socket());
  CHECK(*connect_to_socket(plane.socket()) == nullptr);
  CHECK(*connect_to_socket("/tmp/" + std::string(200, 'x')) == nullptr);
}

TEST_CASE("what is no server's address is refused before anything is sent") {
  struct Row {
    const char* url;
    const char* key;
    const char* message;
  };
  for (const Row& row :
       {Row{"https://h:1", "k", "--server takes http:// only; for TLS, use an SSH tunnel or a proxy on this machine"},
        Row{"h", "k", "--server must be http://HOST:PORT, such as http://127.0.0.1:8081"},
        Row{"http://h:1/api", "k", "--server must be http://HOST:PORT, such as http://127.0.0.1:8081"},
        Row{"unix:/x", "k", "--server must be http://HOST:PORT, such as http://127.0.0.1:8081"},
        Row{"http://h:1", "", "--server needs an admin key: set METERGATE_ADMIN_KEY, or give --admin-key"}}) {
    CAPTURE(row.url);
    const auto client = connect_to_server(row.url, row.key);
    REQUIRE_FALSE(client.has_value());
    CHECK(client.error().message == row.message);
  }
  const auto nobody = connect_to_server("http://127.0.0.1:1", "k");
  CHECK((*nobody)->send(request("GET", "/healthz")).error().message ==
        "cannot reach the control plane at 127.0.0.1:1: Connection refused");
}
