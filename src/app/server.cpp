#include "app/server.h"

#include <pthread.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "app/demo_upstream.h"
#include "app/memory.h"
#include "app/program.h"
#include "base/log.h"
#include "identity/example_secret.h"
#include "journal/mapped_disk.h"
#include "pages/pack.h"
#include "store/data_folder.h"
#include "store/memory/memory_store.h"
#include "store/sealed_secrets.h"
#include "store/session_secrets.h"
#include "store/sqlite/sqlite_store.h"

namespace app {
namespace {

int failed(const base::Error& error) {
  fmt::print(stderr, "metergate: {}\n", error.message);
  return 1;
}

// Signals are for the main thread, which waits for them; to be called before any thread starts.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write(2)
  return set;
}

// From time to time what was needed for a moment, for a rare call or an administrator's, goes back.
void wait_for_signal(const sigset_t& set) {
  constexpr timespec each{.tv_sec = 15, .tv_nsec = 0};
  while (sigtimedwait(&set, nullptr, &each) < 0) release_idle_pages();
  fmt::print(stderr, "\nmetergate: finishing what is running (again to end at once)\n");
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::string on_own_host(const net::Address& address) {
  return address.host == "0.0.0.0" || address.host == "::" ? fmt::format("127.0.0.1:{}", address.port)
                                                           : address.to_string();
}

// METERGATE_ADMIN_KEY. One that anybody could guess opens the store to anybody: then nothing starts.
base::Result<std::optional<std::string>> given_admin_key() {
  constexpr std::size_t shortest = 16;
  const char* value = std::getenv("METERGATE_ADMIN_KEY");
  if (value == nullptr) return std::nullopt;
  const std::string_view key(value);
  if (key.size() >= shortest && !identity::is_example_secret(key)) return std::string(key);
  return base::invalid(
      fmt::format("METERGATE_ADMIN_KEY is {}; take what `openssl rand -base64 32` prints, or unset it, "
                  "and the first start makes a key",
                  key.empty()             ? "set and empty"
                  : key.size() < shortest ? fmt::format("shorter than {} characters", shortest)
                                          : "an example that everybody knows"));
}

base::Result<identity::SigningKeys> signing_keys(const Config& config, const std::filesystem::path& data_folder) {
  if (!config.sessions.secrets.empty()) return identity::SigningKeys::of(config.sessions.secrets);
  constexpr std::int64_t hour_ms = 3'600'000;
  TRY(auto secrets, store::session_secrets(data_folder, config.sessions.hours * hour_ms,
                                           base::system_clock().wall_now(), base::system_random()));
  return identity::SigningKeys::of(std::move(secrets));
}

// How this program was called, so that a printed command works where it is pasted.
std::string own_path() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "metergate" : path.string();
}

// `data`: the folder of a server that has one; empty for the demo, which makes its keys anew at each start.
// `link`: by which the first user is made, if there is none yet.
void print_welcome(const Program& program, const FirstKeys& keys, const std::optional<base::Secret>& link,
                   std::string_view upstream, std::string_view data) {
  const std::string proxy = on_own_host(program.proxy());
  fmt::print("\nMetergate is running.\n\n");
  fmt::print("  proxy      http://{}/v1   -> {}\n", proxy, upstream);
  if (program.control()) fmt::print("  control    http://{}/api/v1\n", on_own_host(*program.control()));
  if (program.control() && pages::built_in_pack())
    fmt::print("  dashboard  http://{}/\n", on_own_host(*program.control()));
  if (link && program.control())
    fmt::print("  first user http://{}/welcome#{}   (works once)\n", on_own_host(*program.control()), link->reveal());
  if (keys.admin) fmt::print("  admin key  {}   (shown once; send it as 'Authorization: Bearer …')\n", *keys.admin);
  fmt::print("\nTry it{}:\n\n", keys.data ? "" : ", with a new key that may spend 1 USD a day");
  if (!keys.data) fmt::print("  KEY=$({} keys create try --limit '1 usd/day' --raw --data {})\n", own_path(), data);
  fmt::print(
      "  curl http://{}/v1/chat/completions -H \"Authorization: Bearer {}\" \\\n"
      "    -H 'Content-Type: application/json' -i \\\n"
      "    -d '{{\"model\":\"gpt-4o-mini\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello!\"}}]}}'\n\n",
      proxy, keys.data.value_or("$KEY"));
  if (keys.data) fmt::print("The key belongs to the account 'first', which may spend 1 USD a day.\n\n");
  std::fflush(stdout);
}

// Where no provider is configured the demo upstream stands in, so that the first call works without a key.
base::Result<std::unique_ptr<DemoUpstream>> stand_in(Config& config) {
  DemoUpstreamOptions options;
  options.listen = net::Address{"127.0.0.1", 0, false};
  TRY(auto upstream, DemoUpstream::start(options, base::system_clock()));
  catalog::Upstream demo{.name = "demo",
                         .provider = "openai",
                         .scheme = "http",
                         .host = "127.0.0.1",
                         .port = upstream->address().port,
                         .base_path = "/v1",
                         .secret = "demo",
                         .ca_file = {}};
  config.upstreams = {demo};
  config.routes = {catalog::Route{.name = "demo", .prefix = "/v1", .targets = {{.upstream = "demo"}}, .timeouts = {}}};
  return upstream;
}

std::string upstream_text(const Config& config) {
  const catalog::Upstream& upstream = config.upstreams.front();
  return fmt::format("{} ({}://{}:{}{})", upstream.name, upstream.scheme, upstream.host, upstream.port,
                     upstream.base_path);
}

void tell_recovery(const quota::Journals& journals) {
  if (journals.recovery.recovered_records > 0)
    base::log::warn(
        "the last process did not end well: {} exchanges were booked from its journals, {} of them without an "
        "end, whose money is unresolved",
        journals.recovery.recovered_records, journals.open_exchanges);
  if (journals.recovery.unaccounted_leases > 0)
    base::log::warn("what {} leases held is unresolved, because {}", journals.recovery.unaccounted_leases,
                    journals.doubt.empty() ? "no journal was kept" : journals.doubt);
}

// What serve and demo have in common once there are a configuration and a store.
base::Status run_until_signal(const Config& config, Stores stores, const Program::Options& options,
                              std::string_view upstream, std::string_view data, const sigset_t& signals) {
  TRY(auto program, Program::create(config, stores, options));
  TRY(const FirstKeys keys, create_first_keys(program->catalog(), options.admin_key.has_value()));
  TRY(const auto link, program->users().setup_link());
  program->start();
  tell_recovery(program->journals());
  print_welcome(*program, keys, link, upstream, data);
  release_start_memory();
  wait_for_signal(signals);
  program->stop();
  return {};
}

}  // namespace

int serve(const ServeOptions& options) {
  keep_little_memory();
  const sigset_t signals = block_signals();
  auto config = load_config(options.config_file ? options.config_file : default_config_file(), process_environment(),
                            options.overrides);
  if (!config) return failed(config.error());
  base::log::configure(config->log.level, config->log.format);
  auto admin_key = given_admin_key();
  if (!admin_key) return failed(admin_key.error());

  std::unique_ptr<DemoUpstream> demo;
  if (config->file.empty() && !environment("OPENAI_API_KEY") && !environment("OPENAI_BASE_URL")) {
    auto started = stand_in(*config);
    if (!started) return failed(started.error());
    demo = std::move(*started);
  }
  auto folder = store::DataFolder::open(config->data);
  if (!folder) return failed(folder.error());
  auto database = store::SqliteStore::open(folder->database_path());
  if (!database) return failed(database.error());
  store::SqliteStore& sqlite = **database;
  auto journals = journal::MappedDisk::open(folder->path() / "journal");
  if (!journals) return failed(journals.error());
  store::SealedSecrets secrets(sqlite, folder->path(), base::system_random());
  auto signs = signing_keys(*config, folder->path());
  if (!signs) return failed(signs.error());
  const Program::Options program{.local_socket = (folder->path() / "control.sock").string(),
                                 .admin_key = std::move(*admin_key),
                                 .signing_keys = std::move(*signs),
                                 .journals = journals->get(),
                                 .store = "sqlite",
                                 .database = folder->database_path(),
                                 .back_up = [&sqlite](const std::string& file) { return sqlite.back_up(file); }};
  const auto upstream =
      demo ? std::string("the built-in demo upstream; set OPENAI_API_KEY for the real one") : upstream_text(*config);
  const auto done = run_until_signal(
      *config,
      {sqlite, sqlite, sqlite, sqlite, sqlite, secrets, sqlite, sqlite, sqlite, sqlite, sqlite, sqlite, sqlite},
      program, upstream, config->data, signals);
  return done ? 0 : failed(done.error());
}

int demo(const DemoOptions& options) {
  keep_little_memory();
  const sigset_t signals = block_signals();
  Config config;
  config.listen = options.listen;
  config.control = options.control;
  config.drain_ms = 1'000;
  auto upstream = stand_in(config);
  if (!upstream) return failed(upstream.error());
  store::MemoryStore memory;
  auto admin_key = given_admin_key();
  if (!admin_key) return failed(admin_key.error());
  const Program::Options program{.local_socket = {},
                                 .admin_key = std::move(*admin_key),
                                 .signing_keys = identity::SigningKeys::random(base::system_random())};
  const auto done = run_until_signal(
      config, {memory, memory, memory, memory, memory, memory, memory, memory, memory, memory, memory, memory, memory},
      program, "the demo upstream, on a memory store: nothing is kept", "", signals);
  return done ? 0 : failed(done.error());
}

int demo_upstream(const DemoUpstreamOptions& options) {
  const sigset_t signals = block_signals();
  auto upstream = DemoUpstream::start(options, base::system_clock());
  if (!upstream) return failed(upstream.error());
  fmt::print("The demo upstream speaks the OpenAI dialect at http://{}/v1\n", (*upstream)->address().to_string());
  std::fflush(stdout);
  wait_for_signal(signals);
  return 0;
}

}  // namespace app
