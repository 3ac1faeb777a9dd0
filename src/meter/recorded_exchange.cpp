#include "meter/recorded_exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "meter/base64.h"
#include "meter/reply_reader.h"

namespace meter {
namespace {

using base::Json;

std::string text_of(const Json& object, std::string_view name) {
  const Json* found = object.find(name);
  return found == nullptr ? std::string() : found->text();
}

// Host and path of "https://host:port/path?query".
base::Status read_url(std::string_view url, RecordedExchange& out) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos)
    return base::invalid(fmt::format("'{}' is not a URL with a scheme and a host", url), "request.url");
  const std::string_view rest = url.substr(scheme + 3);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  out.host = rest.substr(0, slash);
  out.path = rest.substr(slash);
  return {};
}

}  // namespace

std::string RecordedExchange::request_model() const {
  const auto asked = Json::parse(request_body);
  std::string model = asked && asked->is_object() ? text_of(*asked, "model") : std::string();
  return model.empty() ? endpoint().model : model;
}

base::Result<RecordedExchange> read_recorded_exchange(std::string_view json) {
  TRY(const Json document, Json::parse(json));
  const Json* request = document.find("request");
  const Json* response = document.find("response");
  if (request == nullptr || !request->is_object())
    return base::invalid("'request' must be an object with a method and a url", "request");
  if (response == nullptr || !response->is_object())
    return base::invalid("'response' must be an object with a status and a body", "response");

  RecordedExchange out;
  out.method = text_of(*request, "method");
  TRY_STATUS(read_url(text_of(*request, "url"), out));
  out.request_body = text_of(*request, "body");
  const std::string status = text_of(*response, "status");
  const auto [end, error] = std::from_chars(status.data(), status.data() + status.size(), out.status);
  if (error != std::errc() || end != status.data() + status.size())
    return base::invalid(fmt::format("'{}' is not a status", status), "response.status");
  if (const Json* headers = response->find("headers"); headers != nullptr)
    for (const auto& [name, value] : headers->members()) out.headers.emplace_back(name, value.text());
  out.body = text_of(*response, "body");
  if (const Json* encoded = response->find("body_base64"); encoded != nullptr && encoded->boolean()) {
    auto decoded = from_base64(out.body);
    if (!decoded) return base::invalid("'response.body' is said to be base64 and is not", "response.body");
    out.body = std::move(*decoded);
  }
  return out;
}

Reply read_reply(const RecordedExchange& exchange, std::size_t step) {
  std::vector<ReplyHeader> headers;
  headers.reserve(exchange.headers.size());
  for (const auto& [name, value] : exchange.headers) headers.push_back({.name = name, .value = value});
  ReplyReader reader(exchange.endpoint().dialect, {.status = exchange.status, .headers = headers});
  const std::string_view body = exchange.body;
  if (step == 0) step = std::max<std::size_t>(body.size(), 1);
  for (std::size_t at = 0; at < body.size(); at += step) reader.feed(body.substr(at, step));
  return reader.finish();
}

}  // namespace meter
