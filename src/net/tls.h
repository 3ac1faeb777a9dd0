#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.h"

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;

namespace net {

struct TlsFree {
  void operator()(ssl_st* session) const;
  void operator()(ssl_ctx_st* context) const;
  void operator()(ssl_session_st* session) const;
};
using TlsSession = std::unique_ptr<ssl_st, TlsFree>;

// TLS towards upstreams: certificates verified against the system's authorities or a file of them, host name checked,
// TLS 1.2 or newer, ALPN http/1.1, sessions kept per host and used again. One loop.
class TlsClientContext {
 public:
  // `ca_file`: PEM of the authorities to trust instead of the system's; empty: the system's.
  static base::Result<std::unique_ptr<TlsClientContext>> create(const std::string& ca_file);
  ~TlsClientContext();

  // A session for a connected socket, with SNI, host check and, if one is kept, the last session of that host.
  base::Result<TlsSession> session(int fd, const std::string& host);
  // Handshakes that a kept session shortened; for tests and metrics.
  std::int64_t resumed() const { return resumed_; }
  void note_handshake(ssl_st* session);

 private:
  explicit TlsClientContext(std::unique_ptr<ssl_ctx_st, TlsFree> context);
  std::unique_ptr<ssl_ctx_st, TlsFree> context_;
  std::unordered_map<std::string, std::unique_ptr<ssl_session_st, TlsFree>> kept_;
  std::int64_t resumed_ = 0;
};

// TLS towards clients, with one certificate. Shared by all loops (OpenSSL's contexts are thread-safe).
class TlsServerContext {
 public:
  static base::Result<std::unique_ptr<TlsServerContext>> create(const std::string& certificate_file,
                                                                const std::string& key_file);
  base::Result<TlsSession> session(int fd);

 private:
  explicit TlsServerContext(std::unique_ptr<ssl_ctx_st, TlsFree> context);
  std::unique_ptr<ssl_ctx_st, TlsFree> context_;
};

// OpenSSL's first error of this thread in words; empties its queue.
std::string tls_error();

}  // namespace net
