#include "app/config_world_test.h"
#include "net/http_head.h"

using namespace app;
using namespace app::testing;

TEST_CASE("without a file, the environment's OpenAI key is enough") {
  const auto config = load_config(std::nullopt, environment_of({{"OPENAI_API_KEY", "sk-1"}}));
  REQUIRE(config.has_value());
  CHECK(config->listen.to_string() == "127.0.0.1:8080");
  CHECK(config->control->to_string() == "127.0.0.1:8081");
  CHECK(config->threads >= 1);
  REQUIRE(config->upstreams.size() == 1);
  const auto& upstream = config->upstreams[0];
  CHECK(upstream.name == "openai");
  CHECK(upstream.scheme == "https");
  CHECK(upstream.host == "api.openai.com");
  CHECK(upstream.port == 443);
  CHECK(upstream.base_path == "/v1");
  CHECK(upstream.secret == "sk-1");
  CHECK(upstream.output_cap_field == "max_completion_tokens");
  REQUIRE(config->routes.size() == 2);
  CHECK(config->routes[0].prefix == "/v1");
  CHECK(config->routes[1].prefix == "/openai");
  for (const auto& route : config->routes) CHECK(route.targets == std::vector<catalog::Target>{{.upstream = "openai"}});
}

TEST_CASE("each provider whose variables are set has the path and the place of its key that its clients know") {
  using Place = catalog::Credential::Place;
  const auto config = load_config(std::nullopt, environment_of({{"ANTHROPIC_API_KEY", "sk-ant"},
                                                                {"GOOGLE_API_KEY", "AIza"},
                                                                {"AZURE_OPENAI_ENDPOINT", "https://x.openai.azure.com"},
                                                                {"AZURE_OPENAI_API_KEY", "az"},
                                                                {"AWS_REGION", "eu-west-1"},
                                                                {"AWS_ACCESS_KEY_ID", "AKID"},
                                                                {"AWS_SECRET_ACCESS_KEY", "s3cret"},
                                                                {"AWS_SESSION_TOKEN", "token"}}));
  REQUIRE(config.has_value());
  struct Row {
    const char* name;
    const char* provider;
    const char* prefix;
    const char* host;
    const char* secret;
    catalog::Credential credential;
  };
  const std::vector<Row> rows{
      {"anthropic", "anthropic", "/anthropic", "api.anthropic.com", "sk-ant", {Place::header, "x-api-key", ""}},
      {"gemini",
       "gemini",
       "/gemini",
       "generativelanguage.googleapis.com",
       "AIza",
       {Place::header, "x-goog-api-key", ""}},
      {"azure", "azure_openai", "/azure", "x.openai.azure.com", "az", {Place::header, "api-key", ""}},
      {"bedrock",
       "bedrock",
       "/bedrock",
       "bedrock-runtime.eu-west-1.amazonaws.com",
       "AKID:s3cret:token",
       {Place::aws, "", "eu-west-1"}}};
  REQUIRE(config->upstreams.size() == rows.size());
  REQUIRE(config->routes.size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(rows[i].name);
    const catalog::Upstream& upstream = config->upstreams[i];
    CHECK(upstream.name == rows[i].name);
    CHECK(upstream.provider == rows[i].provider);
    CHECK(upstream.host == rows[i].host);
    CHECK(upstream.base_path.empty());
    CHECK(upstream.secret == rows[i].secret);
    CHECK(upstream.credential == rows[i].credential);
    CHECK(config->routes[i].prefix == rows[i].prefix);
  }
}

TEST_CASE("half of what a provider needs is no provider") {
  const auto config = load_config(std::nullopt, environment_of({{"OPENAI_API_KEY", "sk-1"},
                                                                {"AZURE_OPENAI_API_KEY", "az"},
                                                                {"AWS_REGION", "eu-west-1"},
                                                                {"AWS_ACCESS_KEY_ID", "AKID"}}));
  REQUIRE(config.has_value());
  CHECK(config->upstreams.size() == 1);
}

TEST_CASE("OPENAI_BASE_URL points somewhere else, where a key may not be needed") {
  const auto config = load_config(std::nullopt, environment_of({{"OPENAI_BASE_URL", "http://localhost:11434/v1/"}}));
  REQUIRE(config.has_value());
  CHECK(config->upstreams[0].host == "localhost");
  CHECK(config->upstreams[0].port == 11434);
  CHECK(config->upstreams[0].base_path == "/v1");
  CHECK(config->upstreams[0].output_cap_field == "max_tokens");
}

TEST_CASE("a key that would end its header is refused, wherever it comes from, and not shown") {
  const auto environment = environment_of({{"OPENAI_API_KEY", "sk-one\r\nX-Evil: 1"}});
  const auto alone = load_config(std::nullopt, environment);
  REQUIRE_FALSE(alone.has_value());
  CHECK(alone.error().message.starts_with("the environment variable OPENAI_API_KEY holds a space or a control"));
  const auto report = report_of("upstreams: { a: { url: 'https://a.test', key: '${OPENAI_API_KEY}' } }", environment);
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].message.starts_with("'upstreams.a.key' holds a space or a control character"));
  CHECK_FALSE((alone.error().message + report.findings[0].message).contains("sk-one"));
}

TEST_CASE("without a file and without a provider there is no upstream, which a file may not leave out") {
  const auto config = load_config(std::nullopt, environment_of({{"OPENAI_API_KEY", ""}}));
  REQUIRE(config.has_value());
  CHECK(config->upstreams.empty());
  CHECK(config->routes.empty());
  const auto report = report_of("threads: 1", environment_of({}));
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].to_string() == "m.yaml: 'upstreams' is missing; list one, or set OPENAI_API_KEY");
}

TEST_CASE("every key is read") {
  Folder folder;
  for (const char* name : {"cert.pem", "key.pem", "ca.pem"}) folder.write(name, "x");
  folder.write("prices.json", R"({"version": "v", "models": {}})");
  folder.write("m.yaml", R"(
listen: "[::1]:9000"
control: { listen: 127.0.0.1:9001 }
data: /var/lib/metergate
threads: 3
tls: { certificate: cert.pem, key: key.pem }
upstreams:
  openai: { url: "https://api.openai.com/v1", provider: openai, key: "${KEY}" }
  local: { url: "https://LLM.internal:8443", ca_file: ca.pem, output_cap_field: max_completion_tokens }
routes:
  - { name: main, prefix: /v1, upstream: openai }
  - name: inside
    prefix: /local/v1
    upstream: local
    timeouts: { connect_ms: 1, first_byte_ms: 2, idle_ms: 3, total_ms: 4 }
    max_body_bytes: 5
    max_reply_bytes: 6
    idempotency: { ttl: 2h, max_reply_bytes: 10, max_wait_ms: 11 }
prices: { file: prices.json, unknown_model: { input: "10", output: 30.5, max_output_tokens: 16384 } }
admission: { wait_ms: 0, store_deadline_ms: 7, clamp_min_output_tokens: 8 }
unresolved: { settle_after: 36h }
journal: { durability: power }
drain_ms: 9
log: { level: warn, format: json }
)");
  const auto config = load_config("m.yaml", environment_of({{"KEY", "sk: \"${x}\"#"}}));
  REQUIRE_MESSAGE(config.has_value() == false, "a key with a space cannot be sent");
  const auto good = load_config("m.yaml", environment_of({{"KEY", "sk-\"${x}\"#"}}));
  REQUIRE_MESSAGE(good.has_value(), good.error().message);
  CHECK(good->listen.to_string() == "[::1]:9000");
  CHECK(good->control->port == 9001);
  CHECK(good->data == "/var/lib/metergate");
  CHECK(good->threads == 3);
  CHECK(good->tls->certificate == "cert.pem");
  CHECK(good->tls->key == "key.pem");
  CHECK(good->find_upstream("openai")->secret == "sk-\"${x}\"#");
  const auto& local = *good->find_upstream("local");
  CHECK(local.host == "llm.internal");
  CHECK(local.port == 8443);
  CHECK(local.base_path.empty());
  CHECK(local.ca_file == "ca.pem");
  CHECK(local.output_cap_field == "max_completion_tokens");
  const auto& route = good->routes[1];
  CHECK(route.name == "inside");
  CHECK(route.prefix == "/local/v1");
  CHECK(route.timeouts.connect_ms == 1);
  CHECK(route.timeouts.first_byte_ms == 2);
  CHECK(route.timeouts.idle_ms == 3);
  CHECK(route.timeouts.total_ms == 4);
  CHECK(route.max_body_bytes == 5);
  CHECK(route.max_reply_bytes == 6);
  CHECK(route.idempotency == catalog::Idempotency{7'200'000, 10, 11});
  CHECK(good->prices.standard.file == "prices.json");
  CHECK(good->prices.unknown_model->prices.find(meter::PriceName::input_cost_per_token)->to_usd() == "0.00001");
  CHECK(good->prices.unknown_model->prices.find(meter::PriceName::output_cost_per_token)->to_usd() == "0.0000305");
  CHECK(good->prices.unknown_model->max_output_tokens == 16384);
  CHECK(good->admission.wait_ms == 0);
  CHECK(good->admission.store_deadline_ms == 7);
  CHECK(good->admission.clamp_min_output_tokens == 8);
  CHECK(good->unresolved.settle_after_ms == 36 * 3'600'000);
  CHECK(good->journal.durability == journal::Durability::power);
  CHECK(good->drain_ms == 9);
  CHECK(good->log.level == base::log::Level::warn);
  CHECK(good->log.format == base::log::Format::json);
}

TEST_CASE("a key that is unknown or stands twice is refused by name") {
  check_findings({
      {one_upstream + "lisen: 127.0.0.1:1", "m.yaml:2: 'lisen' is not a known key; did you mean 'listen'?"},
      {one_upstream + "zebra: 1", "m.yaml:2: 'zebra' is not a known key"},
      {"upstreams:\n  a: { url: \"http://a\", kye: x }",
       "m.yaml:2: 'upstreams.a.kye' is not a known key; did you mean 'key'?"},
      {"upstreams: { a: { url: \"http://a\", key: b,\n    key: c } }",
       "m.yaml:2: 'upstreams.a.key' is given twice, first in line 1; keep one"},
      {one_upstream + "drain_ms: 1\ndrain_ms: 2", "m.yaml:3: 'drain_ms' is given twice, first in line 2; keep one"},
      {one_upstream + "<<: { drain_ms: 1 }", "m.yaml:2: '<<' is not a known key"},
  });
}

TEST_CASE("the time-out of what is unresolved is a span, or never") {
  const auto config = [](std::string_view value) {
    const Folder folder;
    std::ofstream("m.yaml") << one_upstream << "unresolved: { settle_after: " << value << " }";
    return load_config("m.yaml", environment_of({}));
  };
  CHECK(Config{}.unresolved.settle_after_ms == 7 * 86'400'000LL);
  CHECK_FALSE(config("never")->unresolved.settle_after_ms.has_value());
  CHECK(config("2w")->unresolved.settle_after_ms == 14 * 86'400'000LL);
  for (const char* wrong : {"\"7\"", "7 days", "1y", "400d", "soon"}) {
    const auto refused = config(wrong);
    REQUIRE_FALSE(refused.has_value());
    CHECK_MESSAGE(refused.error().message.contains("'unresolved.settle_after' must be a whole number of s, m, h, d or "
                                                   "w from 1s to 366d, such as 7d, or never"),
                  refused.error().message);
  }
}

TEST_CASE("a value of the wrong type, or one that readers differ about, is refused") {
  check_findings({
      {one_upstream + "threads: many", "m.yaml:2: 'threads' must be a whole number in digits, not many"},
      {one_upstream + "threads: 1.5", "m.yaml:2: 'threads' must be a whole number in digits, not 1.5"},
      {one_upstream + "threads: 010", "m.yaml:2: 'threads' looks octal: 010; write it without the leading zero"},
      {one_upstream + "threads: 0x10", "m.yaml:2: 'threads' must be a whole number in digits, not 0x10"},
      {one_upstream + "threads: 1_000", "m.yaml:2: 'threads' must be a whole number in digits, not 1_000"},
      {one_upstream + "threads: 0", "m.yaml:2: 'threads' must be between 1 and 1024, not 0"},
      {one_upstream + "threads: ~", "m.yaml:2: 'threads' has no value; give it one or leave the key out"},
      {one_upstream + "threads:", "m.yaml:2: 'threads' has no value; give it one or leave the key out"},
      {one_upstream + "threads: [1]", "m.yaml:2: 'threads' must be a single value"},
      {one_upstream + "data: 0755",
       "m.yaml:2: 'data' is a number or a truth value to some YAML readers; put it in quotes"},
      {one_upstream + "data: no",
       "m.yaml:2: 'data' is a number or a truth value to some YAML readers; put it in quotes"},
      {one_upstream + "data: \"\"", "m.yaml:2: 'data' has no value; give it one or leave the key out"},
      {one_upstream + "metrics: { limits: -1 }", "m.yaml:2: 'metrics.limits' must be between 0 and 10000, not -1"},
      {one_upstream + "metrics: { limit: 1 }", "m.yaml:2: 'metrics.limit' is not a known key; did you mean 'limits'?"},
      {one_upstream + "log: warn", "m.yaml:2: 'log' must hold keys and values of its own"},
      {one_upstream + "log: { level: wran }",
       "m.yaml:2: 'log.level' must be debug or info or warn or error, not wran; did you mean 'warn'?"},
  });
}

TEST_CASE("metrics tell of so many limits as is said, and of none for 0") {
  for (const std::int64_t limits : {0, 7, 10'000}) {
    const Folder folder;
    std::ofstream("m.yaml") << one_upstream << "metrics: { limits: " << limits << " }";
    const auto config = load_config("m.yaml", environment_of({}));
    REQUIRE(config.has_value());
    CHECK(config->metrics.limits == limits);
  }
}

TEST_CASE("an address is an IP address and a port") {
  check_findings({
      {one_upstream + "listen: 8080",
       "m.yaml:2: 'listen' must be an address and a port, such as 127.0.0.1:8080 or [::1]:8080"},
      {one_upstream + "control: { listen: 127.0.0.1:8080 }",
       "m.yaml: 'control.listen' and 'listen' are the same address; give each its own"},
      {one_upstream + "control: no", "m.yaml:2: 'control' must hold keys and values of its own"},
  });
}

TEST_CASE("a variable must be set, and a plain dollar is doubled") {
  check_findings({
      {one_upstream + "data: ${NOWHERE}",
       "m.yaml:2: 'data' needs the environment variable NOWHERE, which is not set; set it or write "
       "${NOWHERE:-default}"},
      {one_upstream + "data: $HOME/x",
       "m.yaml:2: 'data' has a '$' that begins no ${VARIABLE}; write $$ for a plain '$'"},
      {one_upstream + "data: \"${A B}\"", "m.yaml:2: 'data' has ${A B}, which is not a variable's name"},
      {one_upstream + "threads: ${SECRET}", "m.yaml:2: 'threads' must be a whole number in digits, not ${SECRET}"},
  });
}

TEST_CASE("an upstream says where it is, and nothing that has no effect") {
  check_findings({
      {"upstreams: {}", "m.yaml:1: 'upstreams' is empty"},
      {"upstreams: { a: b }", "m.yaml:1: 'upstreams.a' must hold keys and values of its own"},
      {"upstreams:\n  a: { key: k }", "m.yaml:2: 'upstreams.a.url' is missing"},
      {"upstreams: { \"a b\": { url: \"http://a\" } }",
       "m.yaml:1: 'upstreams.a b' is not a name for an upstream, which must be 1 to 64 letters, digits, '-', "
       "'_' or '.'"},
      {"upstreams: { a: { url: \"ftp://a\" } }", "m.yaml:1: 'upstreams.a.url' must begin with https:// or http://"},
      {"upstreams: { a: { url: \"https://a\", ca_file: none.pem } }",
       "m.yaml:1: 'upstreams.a.ca_file' names a file that cannot be read"},
      {"upstreams: { a: { url: \"http://a\", ca_file: m.yaml } }",
       "m.yaml:1: 'upstreams.a.ca_file' has no use with an http:// url; write https:// or leave it out"},
  });
}

TEST_CASE("the other sections are read as strictly") {
  check_findings({
      {one_upstream + "tls: { certificate: m.yaml }", "m.yaml:2: 'tls.key' is missing"},
      {one_upstream + "prices: { file: m.yaml }",
       "m.yaml:2: 'prices.file' names a price book with an error: not valid JSON: "
       "The JSON document has an improper structure: missing or superfluous "
       "commas, braces, missing keys, etc."},
      {one_upstream + "prices: { unknown_model: { input: ten, output: 1, max_output_tokens: 1 } }",
       "m.yaml:2: 'prices.unknown_model.input' must be a decimal number such as \"2.50\", not ten"},
      {one_upstream + "prices: { unknown_model: { input: -1, output: 1, max_output_tokens: 1 } }",
       "m.yaml:2: 'prices.unknown_model.input' must be USD per million tokens, zero or more, such as \"2.50\""},
      {one_upstream + "prices: { unknown_model: { input: 01, output: 1, max_output_tokens: 1 } }",
       "m.yaml:2: 'prices.unknown_model.input' looks octal: 01; write it without the leading zero"},
  });
}

TEST_CASE("a file is one mapping") {
  check_findings({
      {one_upstream + "---\n" + one_upstream, "m.yaml:3: a second YAML document begins here; the file must hold one"},
      {"- a", "m.yaml:1: the file must hold keys and values, such as 'listen: 127.0.0.1:8080'"},
  });
}

TEST_CASE("text that is not YAML is refused with its line, and not taken for an empty file") {
  const auto report = report_of("listen: 127.0.0.1:1\nupstreams: { a: [ }", environment_of({}));
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].line == 2);
  CHECK(report.findings[0].message.starts_with("not valid YAML: "));
}

TEST_CASE("an empty file says what no file says") {
  for (const char* yaml : {"", "# nothing yet\n", "---\n"}) {
    CAPTURE(yaml);
    const auto report = report_of(yaml, environment_of({{"OPENAI_API_KEY", "k"}}));
    CHECK(report.findings.empty());
    CHECK(report.config.upstreams.size() == 1);
  }
}

TEST_CASE("a file that does not exist is not the same as no file") {
  Folder folder;
  const auto config = load_config("none.yaml", environment_of({{"OPENAI_API_KEY", "k"}}));
  REQUIRE_FALSE(config.has_value());
  CHECK(config.error().message == "none.yaml: cannot be read");
  CHECK(load_config(".", environment_of({})).error().message == ".: cannot be read");
}

TEST_CASE("check lists everything in the order of the file; load says how much more there is") {
  Folder folder;
  folder.write("m.yaml", "log: { level: 1 }\nupstreams: { a: { url: x } }\nthreads: 0\nthreads: 1\n");
  const auto report = check_config("m.yaml", environment_of({}));
  REQUIRE(report.findings.size() == 4);
  for (int i = 0; i < 4; ++i) CHECK(report.findings[static_cast<std::size_t>(i)].line == i + 1);
  const auto config = load_config("m.yaml", environment_of({}));
  CHECK(
      config.error().message ==
      "m.yaml:1: 'log.level' must be debug or info or warn or error, not 1 (and 3 more; 'metergate check' lists them)");
}

TEST_CASE("a variable's value replaces its name and nothing more") {
  const auto environment = environment_of({{"A", "x"}, {"EMPTY", ""}, {"TRICK", "${A} $$ # : \""}});
  struct Row {
    const char* text;
    const char* expected;
  };
  for (const Row& row :
       {Row{"plain", "plain"}, Row{"${A}", "x"}, Row{"a${A}b${A}", "axbx"}, Row{"$$", "$"}, Row{"$${A}", "${A}"},
        Row{"${NONE:-d}", "d"}, Row{"${EMPTY:-d}", "d"}, Row{"${EMPTY}", ""}, Row{"${NONE:-}", ""}, Row{"${A:-d}", "x"},
        Row{"${NONE:-a:-b}", "a:-b"}, Row{"${TRICK}", "${A} $$ # : \""}}) {
    CAPTURE(row.text);
    CHECK(substitute(row.text, environment) == std::string(row.expected));
  }
  for (const char* text : {"$", "$A", "${A", "${}", "${1A}", "${A-b}", "${NONE}", "a$ b"}) {
    CAPTURE(text);
    CHECK_FALSE(substitute(text, environment).has_value());
  }
}

TEST_CASE("the command line wins over the file") {
  const auto environment = environment_of({{"OPENAI_API_KEY", "k"}});
  const auto config = load_config(std::nullopt, environment, {"/tmp/d", "0.0.0.0:1", "off"});
  REQUIRE(config.has_value());
  CHECK(config->data == "/tmp/d");
  CHECK(config->listen.to_string() == "0.0.0.0:1");
  CHECK_FALSE(config->control.has_value());
  const auto bad = load_config(std::nullopt, environment, {std::nullopt, "1", std::nullopt});
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().message == "--listen must be an address and a port, such as 127.0.0.1:8080 or [::1]:8080");
}

TEST_CASE("how often one caller may call the control plane is declared beside its address") {
  const auto report = report_of(one_upstream + "control: { calls_per_minute: 77 }\n", environment_of({}));
  REQUIRE(report.findings.empty());
  CHECK(report.config.control_calls_a_minute == 77);
  CHECK(report.config.control->to_string() == "127.0.0.1:8081");
  CHECK_FALSE(report_of(one_upstream + "control: { calls_per_minute: -1 }\n", environment_of({})).findings.empty());
}

TEST_CASE("one's own proxies are addresses and blocks of them") {
  const auto report = report_of(one_upstream + "trusted_proxies: [10.0.0.0/8, '::1']\n", environment_of({}));
  REQUIRE(report.findings.empty());
  std::vector<net::Field> fields;
  const auto head =
      net::parse_request_head("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n", fields);
  CHECK(report.config.trusted_proxies.client_of("10.9.8.7", **head) == "203.0.113.7");
  CHECK(report.config.trusted_proxies.client_of("::1", **head) == "203.0.113.7");
  CHECK(report.config.trusted_proxies.client_of("11.0.0.1", **head) == "11.0.0.1");
  const auto bad = report_of(one_upstream + "trusted_proxies: [10.0.0.0/33]\n", environment_of({}));
  REQUIRE(bad.findings.size() == 1);
  CHECK(bad.findings.front().to_string().contains("'trusted_proxies' has '10.0.0.0/33', which is neither an address"));
}

TEST_CASE("control: off switches the control plane off") {
  const auto report = report_of(one_upstream + "control: off\n", environment_of({}));
  CHECK(report.findings.empty());
  CHECK_FALSE(report.config.control.has_value());
}

TEST_CASE("the example in the tree has no findings and says the defaults") {
  const auto root = std::filesystem::path(METERGATE_ROOT);
  const auto report =
      check_config((root / "metergate.example.yaml").string(), environment_of({{"OPENAI_API_KEY", "sk-1"}}));
  for (const Finding& finding : report.findings) FAIL_CHECK(finding.to_string());
  const Config& example = report.config;
  const Config defaults;
  CHECK(example.listen == defaults.listen);
  CHECK(example.control == defaults.control);
  CHECK(example.data == defaults.data);
  CHECK(example.drain_ms == defaults.drain_ms);
  CHECK(example.metrics.limits == defaults.metrics.limits);
  CHECK(example.admission.wait_ms == defaults.admission.wait_ms);
  CHECK(example.admission.store_deadline_ms == defaults.admission.store_deadline_ms);
  CHECK(example.admission.clamp_min_output_tokens == defaults.admission.clamp_min_output_tokens);
  CHECK(example.unresolved.settle_after_ms == defaults.unresolved.settle_after_ms);
  CHECK(example.journal.durability == defaults.journal.durability);
  REQUIRE(example.routes.size() == 1);
  const catalog::Route route;
  CHECK(example.routes[0].timeouts.connect_ms == route.timeouts.connect_ms);
  CHECK(example.routes[0].timeouts.first_byte_ms == route.timeouts.first_byte_ms);
  CHECK(example.routes[0].timeouts.idle_ms == route.timeouts.idle_ms);
  CHECK(example.routes[0].timeouts.total_ms == route.timeouts.total_ms);
  CHECK(example.routes[0].max_body_bytes == route.max_body_bytes);
  CHECK(example.routes[0].max_reply_bytes == route.max_reply_bytes);
}

TEST_CASE("a price book without any price is taken for a mistake") {
  Folder folder;
  folder.write("book.json", R"({"version": "1", "models": {"m": {"input": "2.5", "output": "10"}}})");
  folder.write("m.yaml", "upstreams: { a: { url: \"https://a.example\" } }\nprices: { file: book.json }");
  const auto report = app::check_config("m.yaml", environment_of({}));
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].to_string().starts_with("m.yaml:2: 'prices.file' names a price book in which no model has"));
}
