#pragma once
// A request to the control plane and its answer, as values: the same whether they came over TCP, over the data
// folder's socket or from the command line without a server.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace admin {

// How a request arrived.
enum class Trust : std::uint8_t {
  network,  // needs an admin key
  local,    // over the data folder's socket or in this process: the file system's permissions are the key
};

// The name of the cookie that holds a page's session.
constexpr std::string_view session_cookie = "metergate_session";

struct Request {
  std::string method;                                      // "GET", as sent
  std::string path;                                        // percent-decoded, without the query: "/api/v1/keys"
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
  std::string body;
  std::string credential;  // what stood in `Authorization: Bearer` or `X-Admin-Key`; empty: nothing did
  Trust trust = Trust::network;
  std::string idempotency_key = {};  // what stood in `Idempotency-Key`; empty: nothing did
  std::string session_cookie = {};   // the token of a page's session; empty: there is none
  std::string csrf_token = {};       // what stood in `X-CSRF-Token`
  std::string last_event_id = {};    // what stood in `Last-Event-ID`
  std::string if_match = {};         // what stood in `If-Match`; empty: nothing did
  std::string address = {};          // of the client, without its port; empty: it is local
  bool encrypted = false;            // it came over TLS
};

// A body that is made while it is sent: events for as long as their client stays, or more than memory should hold.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // The bytes that are due now, maybe none; nullopt: it is over. Asked every step_ms. After an error the connection
  // breaks off, so that nobody takes a part for the whole.
  virtual base::Result<std::optional<std::string>> due() = 0;
  virtual std::int64_t step_ms() const = 0;
};

// It may hold a secret or money: whoever carries it over HTTP adds `Cache-Control: no-store`.
struct Response {
  int status = 200;
  std::string content_type;  // empty: no body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // beside Content-Type and Content-Length
  std::shared_ptr<BodyStream> stream = {};                   // follows the body; empty: nothing does
};

}  // namespace admin
