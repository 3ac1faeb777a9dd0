#pragma once
// A request to the control plane and its answer, as values: the same whether they came over TCP, over the data
// folder's socket or from the command line without a server.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace admin {

// How a request arrived.
enum class Trust : std::uint8_t {
  network,  // needs an admin key
  local,    // over the data folder's socket or in this process: the file system's permissions are the key
};

struct Request {
  std::string method;                                      // "GET", as sent
  std::string path;                                        // percent-decoded, without the query: "/api/v1/keys"
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
  std::string body;
  std::string credential;  // what stood in `Authorization: Bearer` or `X-Admin-Key`; empty: nothing did
  Trust trust = Trust::network;
  std::string idempotency_key = {};  // what stood in `Idempotency-Key`; empty: nothing did
};

// It may hold a secret or money: whoever carries it over HTTP adds `Cache-Control: no-store`.
struct Response {
  int status = 200;
  std::string content_type;  // empty: no body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // beside Content-Type and Content-Length
};

}  // namespace admin
