#include "app/environment_upstreams.h"

#include <fmt/format.h>

#include "catalog/base_url.h"
#include "catalog/upstream_secrets.h"

namespace app {
namespace {

class Reader {
 public:
  Reader(const Environment& environment, Config& config, std::vector<Finding>& findings)
      : environment_(environment), config_(config), findings_(findings) {}

  std::string get(std::string_view variable) const { return environment_(variable).value_or(""); }
  // The first variable that is set.
  std::string_view first_set(std::string_view a, std::string_view b) const { return get(a).empty() ? b : a; }

  void add(std::string_view name, std::string_view key_variable, std::string_view url_variable,
           std::string_view default_url) {
    const std::string key = get(key_variable);
    const std::string url = url_variable.empty() ? std::string() : get(url_variable);
    if (key.empty() && url.empty()) return;
    add_at(name, url.empty() ? default_url : std::string_view(url), url_variable, key, key_variable);
  }

  void add_at(std::string_view name, std::string_view url, std::string_view url_variable, const std::string& key,
              std::string_view key_variable) {
    catalog::Upstream upstream;
    upstream.name = name;
    upstream.provider = name == "azure" ? "azure_openai" : name;
    upstream.secret = key;
    if (!catalog::is_sendable(key))
      findings_.push_back({"", 0,
                           fmt::format("the environment variable {} holds a space or a control character, which a "
                                       "header cannot carry",
                                       key_variable)});
    if (const auto status = catalog::parse_base_url(url, upstream); !status)
      findings_.push_back({"", 0, fmt::format("the environment variable {} {}", url_variable, status.error().message)});
    upstream.output_cap_field = catalog::default_output_cap_field(upstream.host);
    upstream.credential = catalog::default_credential(upstream.provider, upstream.host);
    config_.upstreams.push_back(std::move(upstream));
  }

 private:
  const Environment& environment_;
  Config& config_;
  std::vector<Finding>& findings_;
};

void add_bedrock(Reader& reader) {
  const std::string region(reader.get(reader.first_set("AWS_REGION", "AWS_DEFAULT_REGION")));
  std::string secret = reader.get("AWS_BEARER_TOKEN_BEDROCK");
  std::string_view variable = "AWS_BEARER_TOKEN_BEDROCK";
  const std::string id = reader.get("AWS_ACCESS_KEY_ID");
  const std::string access = reader.get("AWS_SECRET_ACCESS_KEY");
  if (secret.empty() && !id.empty() && !access.empty()) {
    const std::string session = reader.get("AWS_SESSION_TOKEN");
    secret = fmt::format("{}:{}{}{}", id, access, session.empty() ? "" : ":", session);
    variable = "AWS_SECRET_ACCESS_KEY";
  }
  if (region.empty() || secret.empty()) return;
  reader.add_at("bedrock", fmt::format("https://bedrock-runtime.{}.amazonaws.com", region), "AWS_REGION", secret,
                variable);
}

}  // namespace

void add_environment_upstreams(const Environment& environment, Config& config, std::vector<Finding>& findings) {
  Reader reader(environment, config, findings);
  reader.add("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1");
  reader.add("anthropic", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com");
  reader.add("gemini", reader.first_set("GEMINI_API_KEY", "GOOGLE_API_KEY"), "",
             "https://generativelanguage.googleapis.com");
  // Without a key there is nothing to put in, and without an address nobody to call.
  if (!reader.get("AZURE_OPENAI_ENDPOINT").empty() && !reader.get("AZURE_OPENAI_API_KEY").empty())
    reader.add("azure", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "");
  add_bedrock(reader);
}

void add_drop_in_routes(const catalog::Upstream& upstream, std::vector<catalog::Route>& into) {
  const auto add = [&](std::string name, std::string prefix) {
    catalog::Route route;
    route.name = std::move(name);
    route.prefix = std::move(prefix);
    route.targets = {{.upstream = upstream.name}};
    into.push_back(std::move(route));
  };
  if (catalog::has_own_paths(upstream.provider))
    return add(upstream.name, upstream.provider == "azure_openai" ? "/azure" : "/" + upstream.provider);
  add(upstream.name, "/v1");
  if (upstream.provider == "openai" && upstream.name == "openai") add("openai-drop-in", "/openai");
}

}  // namespace app
