#include "app/limiter_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/base_url.h"

namespace app {

void read_limiters(YamlMap map, LimiterSettings& into) {
  if (map.has("allow")) into.addresses = {};
  for (const std::string& rule : map.strings("allow"))
    if (const auto allowed = into.addresses.allow(rule); !allowed)
      map.refuse("allow", fmt::format("has '{}', which {}", rule, allowed.error().message));
  map.string("public_url", into.public_url);
  catalog::Upstream place;
  if (!into.public_url.empty())
    if (const auto parsed = catalog::parse_base_url(into.public_url, place); !parsed)
      map.refuse("public_url", parsed.error().message);
  while (into.public_url.ends_with('/')) into.public_url.pop_back();
  map.finish();
}

catalog::AddressRules limiter_addresses(const Config& config) {
  catalog::AddressRules rules = config.limiters.addresses;
  for (const catalog::Upstream& upstream : config.upstreams) rules.allow(upstream);
  return rules;
}

admin::LimiterOptions limiter_options(const Config& config) {
  const auto openai = std::ranges::find(config.upstreams, "openai", &catalog::Upstream::provider);
  return {.addresses = limiter_addresses(config),
          .base_url = openai == config.upstreams.end() ? "https://api.openai.com/v1" : catalog::base_url(*openai),
          .proxy_url = config.limiters.public_url.empty()
                           ? fmt::format("{}://{}", config.tls ? "https" : "http", config.listen.to_string())
                           : config.limiters.public_url};
}

}  // namespace app
