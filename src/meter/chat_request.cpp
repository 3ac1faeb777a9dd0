#include "meter/chat_request.h"

namespace meter {
namespace {

Endpoint chat_endpoint() {
  return {.provider = "openai", .name = "chat.completions", .dialect = Dialect::chat, .model = {}};
}

}  // namespace

base::Result<Request> read_chat_request(std::string_view body) { return read_request(chat_endpoint(), body); }
base::Result<Request> read_copied_chat_request(std::string_view body) {
  return read_copied_request(chat_endpoint(), body);
}

}  // namespace meter
