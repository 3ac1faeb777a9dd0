#include "net/fetch.h"

#include "net/head_writer.h"

namespace net {

Task<base::Result<Fetched>> fetch(Loop& loop, FetchRequest request, std::int64_t patience_ms, std::int64_t bytes_max) {
  const std::int64_t deadline_ms = loop.now_ms() + patience_ms;
  HttpClient client(loop, {.host = request.host, .port = request.port, .tls = request.tls, .idle_max = 0});
  CO_TRY(const auto connection, co_await client.connect(patience_ms));
  std::string head;
  HeadWriter writer(head);
  writer.request(request.method, {}, request.target).field("Host", request.authority).field("Connection", "close");
  for (const auto& [name, value] : request.fields) writer.field(name, value);
  if (!request.body.empty()) writer.field("Content-Length", static_cast<std::int64_t>(request.body.size()));
  writer.end();
  connection->stream().expires_at(deadline_ms);
  const auto written = co_await connection->stream().write({head, request.body, {}});
  if (written.io != Io::ok) co_return base::fail(io_error(written.io, "sending a request"));
  CO_TRY(const ResponseHead reply, co_await connection->read_head(request.method, deadline_ms));
  const int status = reply.status;
  CO_TRY(const auto body, co_await connection->open_body(reply, patience_ms, deadline_ms).read_all(bytes_max));
  co_return Fetched{status, std::string(body)};
}

}  // namespace net
