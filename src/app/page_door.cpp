#include "app/page_door.h"

#include "net/head_writer.h"
#include "pages/site.h"

namespace app {

net::Task<void> PageDoor::serve(net::Incoming& incoming) {
  const net::RequestHead& head = incoming.head();
  if (!pages::is_page(head.method, head.path())) {
    co_await api_.serve(incoming);
    co_return;
  }
  pages::Response response;
  pages::built_in_site().answer({.path = head.path(),
                                 .accept_encoding = head.find("accept-encoding").value_or(""),
                                 .if_none_match = head.find("if-none-match").value_or("")},
                                response);
  const bool head_only = head.method == "HEAD" || response.status == 304;
  std::string reply;
  net::HeadWriter writer(reply);
  writer.response(response.status, net::reason_of(response.status));
  for (const auto& [name, value] : response.headers) writer.field(name, value);
  if (response.status != 304) writer.field("Content-Length", static_cast<std::int64_t>(response.body.size()));
  if (!incoming.keep_alive()) writer.field("Connection", "close");
  writer.end();
  co_await incoming.send(reply, head_only ? std::string_view() : response.body);
}

}  // namespace app
