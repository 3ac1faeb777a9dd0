#include "admin/handlers.h"
#include "admin/reply.h"

namespace admin {

// No secret is among them: they are for every reader.
base::Result<Response> show_settings(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const Settings& settings = services.options.settings;
  TRY(const auto kept_from, services.usage.kept_from());
  boost::json::array routes;
  for (const std::string& route : services.options.routes.value_or(std::vector<std::string>()))
    routes.push_back(boost::json::string(route));
  boost::json::array books;
  for (const PriceList& list : services.options.price_lists)
    books.push_back(boost::json::object{{"name", list.name}, {"version", list.book->version()}});
  return json_reply(
      200, {{"version", settings.version},
            {"proxy_url", text_or_null(settings.proxy_url)},
            {"store", settings.store},
            {"durability", settings.durability},
            {"unresolved_settles_after_ms", settings.unresolved_settles_after_ms
                                                ? boost::json::value(*settings.unresolved_settles_after_ms)
                                                : boost::json::value(nullptr)},
            {"usage_keep_days",
             settings.usage_keep_days > 0 ? boost::json::value(settings.usage_keep_days) : boost::json::value(nullptr)},
            {"usage_kept_from", kept_from ? time_text(*kept_from) : boost::json::value(nullptr)},
            {"routes", std::move(routes)},
            {"books", std::move(books)}});
}

}  // namespace admin
