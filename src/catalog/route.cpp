#include "catalog/route.h"

#include <fmt/format.h>

namespace catalog {

std::string base_url(const Upstream& upstream) {
  const bool address = upstream.host.contains(':');  // of IPv6
  const bool usual = upstream.port == (upstream.scheme == "https" ? 443 : 80);
  return fmt::format("{}://{}{}{}", upstream.scheme, address ? fmt::format("[{}]", upstream.host) : upstream.host,
                     usual ? std::string() : fmt::format(":{}", upstream.port), upstream.base_path);
}

}  // namespace catalog
