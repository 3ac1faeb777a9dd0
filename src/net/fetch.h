#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http_client.h"

namespace net {

struct FetchRequest {
  std::string method = "GET";
  std::string host;  // without a port
  std::uint16_t port = 80;
  std::string authority;                                         // of the field Host
  std::string target = "/";                                      // with its query
  std::vector<std::pair<std::string, std::string>> fields = {};  // beside Host and Content-Length
  std::string body = {};
  TlsClientContext* tls = nullptr;  // nullptr: plain
};

struct Fetched {
  int status = 0;
  std::string body;
};

// One request on a connection of its own, and its whole reply, of at most `bytes_max` bytes. For what is asked now and
// then; who asks often keeps an HttpClient. Errors: upstream_error, upstream_timeout after `patience_ms` in all.
Task<base::Result<Fetched>> fetch(Loop& loop, FetchRequest request, std::int64_t patience_ms,
                                  std::int64_t bytes_max = 1 << 20);

}  // namespace net
