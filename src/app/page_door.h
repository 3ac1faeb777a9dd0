#pragma once

#include "net/http_server.h"

namespace app {

// Answers browsers from the embedded pages, and hands everything else on to the API.
class PageDoor final : public net::Handler {
 public:
  explicit PageDoor(net::Handler& api) : api_(api) {}

  net::Task<void> serve(net::Incoming& incoming) override;
  std::string refuse(const base::Error& error) override { return api_.refuse(error); }

 private:
  net::Handler& api_;
};

}  // namespace app
