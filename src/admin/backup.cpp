#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/reply.h"

namespace admin {

base::Result<Response> back_up(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(const auto file, fields.required_string("file"));
  TRY_STATUS(fields.finish());
  // It names a file of this machine, to be written by this process: for who owns the data folder.
  if (call.request.trust != Trust::local)
    return base::fail(base::ErrorType::forbidden,
                      "a backup is made on the machine itself: run 'metergate backup FILE' there, with --data", {},
                      base::Source::client);
  if (!file.starts_with('/'))
    return base::invalid(fmt::format("'file' is {}; give the whole path, from /", file), "file");
  if (!services.options.back_up)
    return base::fail(base::ErrorType::not_found, "this store is in memory; there is nothing to back up");
  TRY_STATUS(services.inspector.numbers({}));  // what was settled goes to the store first
  TRY_STATUS(services.options.back_up(file));
  return json_reply(201, {{"file", file}});
}

}  // namespace admin
