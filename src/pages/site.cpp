#include "pages/site.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/log.h"

namespace pages {
namespace {

constexpr std::string_view no_pages = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Metergate</title>
<h1>Metergate</h1>
<p>This binary was built without the dashboard. Build it with <code>make build</code>, which makes the pages first.</p>
<p>Everything that it shows is in the <strong>admin API</strong> under <code>/api/v1</code>, and in the command line:
<code>metergate --help</code>.</p>
</html>
)";

std::string_view type_of(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> types[] = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
  };
  for (const auto& [ending, type] : types)
    if (path.ends_with(ending)) return type;
  return "application/octet-stream";
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The next element of a list that is separated by commas or semicolons.
std::string_view next_of(std::string_view& list, char separator) {
  const std::string_view element = list.substr(0, list.find(separator));
  list.remove_prefix(std::min(list.size(), element.size() + 1));
  return trimmed(element);
}

// RFC 9110 section 12.5.3. What names gzip itself counts more than `*`; a weight of zero forbids.
bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<bool> named;
  bool any = false;
  while (!accept_encoding.empty()) {
    std::string_view parameters = next_of(accept_encoding, ',');
    const std::string_view coding = next_of(parameters, ';');
    const std::string_view weight = trimmed(parameters);
    const bool allowed = !weight.starts_with("q=0") || weight.find_first_of("123456789") != std::string_view::npos;
    if (coding == "gzip" || coding == "x-gzip") named = allowed;
    if (coding == "*") any = allowed;
  }
  return named.value_or(any);
}

// RFC 9110 section 13.1.2, compared weakly: the same file, compressed or not, is the same.
bool has_it(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    std::string_view tag = next_of(if_none_match, ',');
    if (tag == "*") return true;
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == fmt::format("\"{}\"", etag) || tag == fmt::format("\"{}-gzip\"", etag)) return true;
  }
  return false;
}

// Scripts and styles only from here and only as files, no frame around it, nothing told to whom a link leads.
void add_policy(Response& response) {
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
                                "frame-ancestors 'none'");
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
}

void answer_plainly(Response& response, int status, std::string_view type, std::string_view body) {
  response.status = status;
  response.headers.emplace_back("Content-Type", type);
  response.headers.emplace_back("Cache-Control", "no-store");
  response.body = body;
}

void answer_file(const File& file, const Request& request, Response& response) {
  // A file under /assets has its content's hash in its name, so that it never changes.
  response.headers.emplace_back("Cache-Control",
                                file.path.starts_with("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.emplace_back("Vary", "Accept-Encoding");
  const bool gzip = accepts_gzip(request.accept_encoding);
  response.headers.emplace_back("ETag", fmt::format("\"{}{}\"", file.etag, gzip ? "-gzip" : ""));
  if (has_it(request.if_none_match, file.etag)) {
    response.status = 304;
    return;
  }
  if (gzip) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = file.gzip;
  } else {
    auto inflated = inflate(file);
    ASSERT(inflated);  // the build packed it
    response.own = std::move(*inflated);
    response.body = response.own;
  }
  response.headers.emplace_back("Content-Type", type_of(file.path));
}

}  // namespace

bool is_page(std::string_view method, std::string_view path) {
  if (method != "GET" && method != "HEAD") return false;
  return path != "/api" && !path.starts_with("/api/") && path != "/healthz" && path != "/readyz" && path != "/metrics";
}

void Site::answer(const Request& request, Response& response) const {
  add_policy(response);
  const bool is_file = request.path.substr(request.path.rfind('/') + 1).contains('.');
  const File* file = pack_ ? pack_->find(request.path) : nullptr;
  if (file == nullptr && pack_ && !is_file) file = pack_->find("/index.html");
  if (file != nullptr) return answer_file(*file, request, response);
  if (is_file) return answer_plainly(response, 404, "text/plain; charset=utf-8", "There is no such file.\n");
  answer_plainly(response, 200, "text/html; charset=utf-8", no_pages);
}

const Site& built_in_site() {
  static const Site site = [] {
    const auto bytes = built_in_pack();
    if (!bytes) return Site(std::nullopt);
    auto pack = Pack::read(*bytes);
    if (!pack) base::log::error("{}", pack.error().message);
    ASSERT(pack);
    return Site(std::move(*pack));
  }();
  return site;
}

}  // namespace pages
