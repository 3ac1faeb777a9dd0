#include "admin/handlers.h"
#include "admin/reply.h"

namespace admin {

base::Result<Response> health(Services&, Call& call) {
  TRY_STATUS(call.query.finish());
  return json_reply(200, {{"status", "ok"}});
}

base::Result<Response> readiness(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  if (services.options.ready) {
    auto ready = services.options.ready();
    // Whatever kind of failure it is, to a load balancer it means: not now.
    if (!ready) return problem(ready.error(), 503);
  }
  return json_reply(200, {{"status", "ready"}});
}

base::Result<Response> metrics(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  if (!services.options.metrics)
    return base::fail(base::ErrorType::not_found, "no metrics are kept here", {}, base::Source::client);
  return Response{200, "text/plain; version=0.0.4; charset=utf-8", services.options.metrics(), {}};
}

}  // namespace admin
