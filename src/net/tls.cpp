#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

// OpenSSL's macros cast in the old style.
#pragma GCC diagnostic ignored "-Wold-style-cast"

namespace net {
namespace {

// ALPN protocol list: one protocol, length first (RFC 7301).
constexpr unsigned char http11[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int context_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, http11, sizeof http11, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::unexpected<base::Error> failure(std::string what) {
  return base::fail(base::ErrorType::unavailable, fmt::format("{}: {}", what, tls_error()));
}

}  // namespace

void TlsFree::operator()(ssl_st* session) const { SSL_free(session); }
void TlsFree::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsFree::operator()(ssl_session_st* session) const { SSL_SESSION_free(session); }

TlsClientContext::TlsClientContext(std::unique_ptr<ssl_ctx_st, TlsFree> context) : context_(std::move(context)) {}
TlsClientContext::~TlsClientContext() = default;

base::Result<std::unique_ptr<TlsClientContext>> TlsClientContext::create(const std::string& ca_file) {
  std::unique_ptr<ssl_ctx_st, TlsFree> context(SSL_CTX_new(TLS_client_method()));
  if (!context) return failure("cannot set up TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context.get(), http11, sizeof http11);
  const bool trusted = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context.get()) == 1
                                       : SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) == 1;
  if (!trusted)
    return failure(ca_file.empty() ? "cannot read the system's certificate authorities"
                                   : fmt::format("cannot read the authorities in {}", ca_file));
  std::unique_ptr<TlsClientContext> made(new TlsClientContext(std::move(context)));
  // In TLS 1.3 a session arrives after the handshake; the callback keeps the newest one for each host.
  SSL_CTX_set_session_cache_mode(made->context_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_ex_data(made->context_.get(), context_index(), made.get());
  SSL_CTX_sess_set_new_cb(made->context_.get(), [](SSL* ssl, SSL_SESSION* session) {
    auto* self = static_cast<TlsClientContext*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_index()));
    const char* host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (host == nullptr) return 0;
    self->kept_[host].reset(session);
    return 1;  // the reference is ours now
  });
  return made;
}

base::Result<TlsSession> TlsClientContext::session(int fd, const std::string& host) {
  TlsSession ssl(SSL_new(context_.get()));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) return failure("cannot set up TLS");
  X509_VERIFY_PARAM* check = SSL_get0_param(ssl.get());
  X509_VERIFY_PARAM_set_hostflags(check, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // An address in the URL is checked against the certificate's addresses; SNI is for names only (RFC 6066).
  if (X509_VERIFY_PARAM_set1_ip_asc(check, host.c_str()) != 1) {
    if (SSL_set_tlsext_host_name(ssl.get(), host.c_str()) != 1 ||
        X509_VERIFY_PARAM_set1_host(check, host.c_str(), 0) != 1)
      return failure("cannot set up TLS");
    if (const auto kept = kept_.find(host); kept != kept_.end()) SSL_set_session(ssl.get(), kept->second.get());
  }
  ERR_clear_error();
  SSL_set_connect_state(ssl.get());
  return ssl;
}

void TlsClientContext::note_handshake(ssl_st* session) {
  if (SSL_session_reused(session) == 1) ++resumed_;
}

TlsServerContext::TlsServerContext(std::unique_ptr<ssl_ctx_st, TlsFree> context) : context_(std::move(context)) {}

base::Result<std::unique_ptr<TlsServerContext>> TlsServerContext::create(const std::string& certificate_file,
                                                                         const std::string& key_file) {
  std::unique_ptr<ssl_ctx_st, TlsFree> context(SSL_CTX_new(TLS_server_method()));
  if (!context) return failure("cannot set up TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_alpn, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1)
    return failure(fmt::format("cannot read the certificate {}", certificate_file));
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return failure(fmt::format("cannot use the key {} with the certificate {}", key_file, certificate_file));
  return std::unique_ptr<TlsServerContext>(new TlsServerContext(std::move(context)));
}

base::Result<TlsSession> TlsServerContext::session(int fd) {
  TlsSession ssl(SSL_new(context_.get()));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) return failure("cannot set up TLS");
  SSL_set_accept_state(ssl.get());
  return ssl;
}

std::string tls_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "the connection broke";
  char text[256];
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

}  // namespace net
