#include "admin/handlers.h"
#include "admin/reply.h"

namespace admin {

base::Result<Response> list_upstreams(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  TRY(const auto entries, services.upstreams.list());
  boost::json::array data;
  for (const catalog::UpstreamEntry& entry : entries) data.push_back(to_json(entry));
  return list_reply(std::move(data), std::nullopt);
}

base::Result<Response> set_upstream_secret(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(auto secret, fields.string("secret"));
  TRY_STATUS(fields.finish());
  if (!secret) return base::invalid("'secret' is missing: the provider's key", "secret");
  TRY(const auto entry, services.upstreams.set(call.id, base::Secret(std::move(*secret))));
  return json_reply(200, to_json(entry));
}

base::Result<Response> remove_upstream_secret(Services& services, Call& call) {
  TRY_STATUS(services.upstreams.remove(call.id));
  return Response{204, {}, {}, {}};
}

}  // namespace admin
