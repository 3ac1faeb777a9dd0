#include "sign_on/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/url.hpp>

#include "sign_on/id_token.h"
#include "sign_on/visitor.h"

namespace sign_on {
namespace {

constexpr std::int64_t patience_ms = 10'000;
constexpr std::int64_t kept_ms = 3'600'000;
constexpr std::int64_t keys_again_ms = 60'000;
constexpr std::size_t quoted_bytes_max = 200;

std::unexpected<base::Error> failed(std::string why) {
  return base::fail(base::ErrorType::upstream_error, std::move(why), {}, base::Source::upstream_refusal);
}

// What a provider says of an error, for the log: one line, and not a long one.
std::string quoted(std::string_view text) {
  std::string out(text.substr(0, quoted_bytes_max));
  for (char& c : out)
    if (c < ' ' || c > '~') c = ' ';
  return out;
}

}  // namespace

base::Result<std::unique_ptr<Client>> Client::create(net::Loop& loop, const Provider& provider,
                                                     const std::string& ca_file) {
  TRY(auto tls, net::TlsClientContext::create(ca_file));
  return std::unique_ptr<Client>(new Client(loop, provider, std::move(tls)));
}

net::Task<base::Result<std::string>> Client::ask(const std::string& url, std::string_view what,
                                                 net::FetchRequest request) {
  const boost::urls::url_view at(url);  // check_url has parsed it
  const bool encrypted = at.scheme() == "https";
  request.host = at.host_address();
  request.port = at.has_port() ? at.port_number() : encrypted ? 443 : 80;
  request.authority = std::string(at.encoded_host_and_port());
  request.target = at.encoded_target().empty() ? "/" : std::string(at.encoded_target());
  if (!request.target.starts_with('/')) request.target.insert(0, "/");
  request.tls = encrypted ? tls_.get() : nullptr;
  request.fields.emplace_back("Accept", "application/json");
  auto reply = co_await net::fetch(loop_, std::move(request), patience_ms);
  if (!reply)
    co_return base::fail(std::move(reply.error()).in(fmt::format("asking {} for {}", provider_.issuer, what)));
  if (reply->status != 200)
    co_return failed(
        fmt::format("asked for {}, {} answers {}: {}", what, provider_.issuer, reply->status, quoted(reply->body)));
  co_return std::move(reply->body);
}

net::Task<base::Result<std::string>> Client::get(const std::string& url, std::string_view what) {
  net::FetchRequest request;
  co_return co_await ask(url, what, std::move(request));
}

net::Task<base::Result<ProviderDocument>> Client::document() {
  if (!document_ || loop_.now_ms() - document_->asked_ms > kept_ms) {
    // Discovery section 4: after a '/' at its end has been taken away.
    std::string url = provider_.issuer;
    if (url.ends_with('/')) url.pop_back();
    CO_TRY(auto text, co_await get(url + "/.well-known/openid-configuration", "its configuration"));
    CO_TRY(auto read, read_document(text, provider_));
    document_ = Kept{std::move(text), loop_.now_ms()};
    co_return read;
  }
  co_return read_document(document_->text, provider_);
}

net::Task<base::Result<std::string>> Client::keys(const std::string& url, std::int64_t no_older_than_ms) {
  if (!keys_ || loop_.now_ms() - keys_->asked_ms > no_older_than_ms) {
    CO_TRY(auto text, co_await get(url, "its keys"));
    keys_ = Kept{std::move(text), loop_.now_ms()};
  }
  co_return keys_->text;
}

net::Task<base::Result<std::string>> Client::authorization_url(const Ticket& ticket) {
  CO_TRY(const ProviderDocument found, co_await document());
  co_return sign_on::authorization_url(found, provider_, ticket);
}

net::Task<base::Result<base::Json>> Client::claims(const ProviderDocument& document, const Ticket& ticket,
                                                   std::string_view id_token) {
  CO_TRY(std::string known, co_await keys(document.jwks_uri, kept_ms));
  auto found = read_id_token(id_token, known, provider_, ticket.nonce(), loop_.clock().wall_now());
  if (found || !is_signature_error(found.error())) co_return found;
  CO_TRY(known, co_await keys(document.jwks_uri, keys_again_ms));
  co_return read_id_token(id_token, known, provider_, ticket.nonce(), loop_.clock().wall_now());
}

net::Task<base::Result<base::Json>> Client::userinfo(const ProviderDocument& document, std::string_view access_token) {
  if (document.userinfo_endpoint.empty() || access_token.empty()) co_return base::Json();
  if (!std::ranges::all_of(access_token, [](char c) { return c > ' ' && c < 0x7F; }))
    co_return failed("the provider hands out an access token that no header can carry");
  net::FetchRequest request;
  request.fields.emplace_back("Authorization", fmt::format("Bearer {}", access_token));
  CO_TRY(const auto text, co_await ask(document.userinfo_endpoint, "who has come", std::move(request)));
  auto said = base::Json::parse(text);
  if (!said || !said->is_object()) co_return failed("the provider's userinfo is no JSON object");
  co_return said;
}

net::Task<base::Result<identity::ProviderUser>> Client::find_visitor(const Ticket& ticket, std::string_view code) {
  CO_TRY(const ProviderDocument found, co_await document());
  TokenRequest wanted = token_request(found, provider_, ticket, code);
  net::FetchRequest request;
  request.method = "POST";
  request.body = std::move(wanted.form);
  request.fields.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  if (!wanted.authorization.empty()) request.fields.emplace_back("Authorization", std::move(wanted.authorization));
  CO_TRY(const auto reply, co_await ask(found.token_endpoint, "the tokens of a login", std::move(request)));
  const auto tokens = base::Json::parse(reply);
  const base::Json* const id_token = tokens ? tokens->find("id_token") : nullptr;
  const base::Json* const access = tokens ? tokens->find("access_token") : nullptr;
  if (id_token == nullptr) co_return failed("the provider hands out no ID token; is 'openid' among the scopes?");
  CO_TRY(const base::Json said, co_await claims(found, ticket, id_token->text()));
  base::Json more;
  if (lacks_claims(said, provider_)) {
    CO_TRY(more, co_await userinfo(found, access == nullptr ? std::string_view() : access->text()));
  }
  co_return visitor_of(said, more, provider_);
}

}  // namespace sign_on
