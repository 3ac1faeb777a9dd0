#pragma once
// What a browser is answered: which file, how it may be kept, and what it may do.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pages/pack.h"

namespace pages {

struct Request {
  std::string_view path;                  // as sent, without the query: "/accounts/0190a6d2"
  std::string_view accept_encoding = {};  // the header's value; empty: it was not sent
  std::string_view if_none_match = {};    // likewise
};

struct Response {
  int status = 200;
  std::vector<std::pair<std::string_view, std::string>> headers;  // all but Content-Length
  std::string_view body;                                          // into the pack, or into `own`
  std::string own = {};                                           // what was made for this reply
  Response() = default;
  Response(Response&&) = delete;  // `body` may point into it
};

// Whether a request is for the pages and not for the API, /healthz, /readyz or /metrics.
bool is_page(std::string_view method, std::string_view path);

// Immutable and thread-safe.
class Site {
 public:
  // nullopt: without pages; it then says how to come by them.
  explicit Site(std::optional<Pack> pack) : pack_(std::move(pack)) {}

  // A file, if there is one at the path; else, where the path's last part has no dot, the page that shows every
  // address (index.html). 304 where the client has it already, 404 for a file that is not there.
  void answer(const Request& request, Response& response) const;

 private:
  std::optional<Pack> pack_;
};

// The site of the embedded pack. A pack that cannot be read is a broken build: the process ends.
const Site& built_in_site();

}  // namespace pages
