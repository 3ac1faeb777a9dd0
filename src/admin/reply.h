#pragma once
// Bodies in and out: JSON documents, problem documents (RFC 9457), and how each resource is written.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "admin/message.h"
#include "base/json.h"
#include "base/result.h"
#include "catalog/snapshot.h"
#include "catalog/upstream_secrets.h"
#include "events/limit_event.h"
#include "events/usage_log.h"
#include "identity/user.h"
#include "meter/price_book.h"
#include "quota/numbers.h"
#include "quota/unresolved.h"

namespace admin {

Response json_reply(int status, const boost::json::object& body);
// {"data": […], "next": cursor or null}
Response list_reply(boost::json::array data, const std::optional<std::string>& next);
// {type, title, status, detail, field?}. The status is the type's own unless another one is given.
Response problem(const base::Error& error, std::optional<int> status = std::nullopt);

// The body as a JSON object; an empty body is an empty object, so that what is missing is named.
base::Result<base::Json> read_body(const Request& request);

// A label is a local date and time (of UTC for minutes and sub-windows): without an offset. Null where there is one
// counter for ever.
boost::json::value window_label(base::WindowLabel label);

// "1.1"
std::string factor_text(meter::Factor factor);
boost::json::value text_or_null(std::string_view text);
boost::json::string time_text(base::WallTime at);

boost::json::object to_json(const catalog::Account& account);
boost::json::object to_json(const catalog::Key& key);
boost::json::object to_json(const catalog::Limit& limit);
// All but its password.
boost::json::object to_json(const identity::User& user);
// The limit with its five numbers, all from one moment, and its window.
boost::json::object to_json(const catalog::Limit& limit, const quota::FiveNumbers& numbers);
// `snapshot` tells its unit; of a limit that was removed it is written without amounts.
boost::json::object to_json(const events::LimitEvent& event, const catalog::Snapshot& snapshot);
// All but its secret.
boost::json::object to_json(const catalog::UpstreamEntry& upstream);
// `snapshot` tells the units of the holds; a hold on a limit that was removed is written without amounts.
boost::json::object to_json(const events::UsageRecord& record, const catalog::Snapshot& snapshot);
boost::json::object to_json(const events::UsageSum& sum);
// `settles_at`: when the time-out books it, if it does.
boost::json::object to_json(const quota::UnresolvedItem& item, std::optional<base::WallTime> settles_at,
                            const catalog::Snapshot& snapshot);

}  // namespace admin
