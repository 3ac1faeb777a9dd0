#pragma once
// One function per route of router.cpp, each in the file of its resource. A handler checks everything before it
// changes anything; an Error becomes a problem document in router.cpp.

#include <string>

#include "admin/api.h"
#include "admin/caller.h"
#include "admin/query.h"

namespace admin {

// What the router found out about a request.
struct Call {
  const Request& request;
  std::string id;  // what stands for {id} or {model} in the path
  Query query;     // empty for every method but GET: the router refuses parameters there
  const Caller& caller;
};
using Handler = base::Result<Response> (*)(Services& services, Call& call);

// health.cpp
base::Result<Response> health(Services& services, Call& call);
base::Result<Response> readiness(Services& services, Call& call);
base::Result<Response> metrics(Services& services, Call& call);

// accounts.cpp
base::Result<Response> create_account(Services& services, Call& call);
base::Result<Response> list_accounts(Services& services, Call& call);
base::Result<Response> show_account(Services& services, Call& call);
base::Result<Response> suspend_account(Services& services, Call& call);
base::Result<Response> activate_account(Services& services, Call& call);
base::Result<Response> edit_account(Services& services, Call& call);
base::Result<Response> remove_account(Services& services, Call& call);

// credits.cpp
base::Result<Response> create_grant(Services& services, Call& call);
base::Result<Response> void_grant(Services& services, Call& call);
base::Result<Response> dispute_grant(Services& services, Call& call);
base::Result<Response> refund_charge(Services& services, Call& call);
base::Result<Response> take_fee(Services& services, Call& call);
base::Result<Response> show_balance(Services& services, Call& call);
base::Result<Response> list_transfers(Services& services, Call& call);
base::Result<Response> check_balances(Services& services, Call& call);

// keys.cpp
base::Result<Response> create_key(Services& services, Call& call);
base::Result<Response> list_keys(Services& services, Call& call);
base::Result<Response> show_key(Services& services, Call& call);
base::Result<Response> edit_key(Services& services, Call& call);
base::Result<Response> rotate_key(Services& services, Call& call);
base::Result<Response> revoke_key(Services& services, Call& call);

// limits.cpp
base::Result<Response> create_limit(Services& services, Call& call);
base::Result<Response> list_limits(Services& services, Call& call);
base::Result<Response> show_limit(Services& services, Call& call);
base::Result<Response> edit_limit(Services& services, Call& call);
base::Result<Response> raise_limit(Services& services, Call& call);
base::Result<Response> end_raise(Services& services, Call& call);
base::Result<Response> remove_limit(Services& services, Call& call);

// limiters.cpp
base::Result<Response> create_limiter(Services& services, Call& call);
base::Result<Response> list_limiters(Services& services, Call& call);
base::Result<Response> show_limiter(Services& services, Call& call);
base::Result<Response> show_limiter_stats(Services& services, Call& call);
base::Result<Response> edit_limiter(Services& services, Call& call);
base::Result<Response> toggle_limiter(Services& services, Call& call);
base::Result<Response> remove_limiter(Services& services, Call& call);

// limiter_alias.cpp
base::Result<Response> create_limiter_alias(Services& services, Call& call);
base::Result<Response> list_limiters_alias(Services& services, Call& call);
base::Result<Response> show_limiter_alias(Services& services, Call& call);
base::Result<Response> edit_limiter_alias(Services& services, Call& call);
base::Result<Response> show_limiter_stats_alias(Services& services, Call& call);
base::Result<Response> sum_stats_alias(Services& services, Call& call);

// limit_templates.cpp
base::Result<Response> create_limit_template(Services& services, Call& call);
base::Result<Response> list_limit_templates(Services& services, Call& call);
base::Result<Response> show_limit_template(Services& services, Call& call);
base::Result<Response> edit_limit_template(Services& services, Call& call);
base::Result<Response> remove_limit_template(Services& services, Call& call);

// explain.cpp
base::Result<Response> explain_call(Services& services, Call& call);

// quote.cpp
base::Result<Response> quote_call(Services& services, Call& call);

// events.cpp
base::Result<Response> list_events(Services& services, Call& call);

// sessions.cpp
base::Result<Response> log_in(Services& services, Call& call);
base::Result<Response> log_in_elsewhere(Services& services, Call& call);
base::Result<Response> show_session(Services& services, Call& call);
base::Result<Response> log_out(Services& services, Call& call);
base::Result<Response> show_setup(Services& services, Call& call);
base::Result<Response> set_up(Services& services, Call& call);

// users.cpp
base::Result<Response> create_user(Services& services, Call& call);
base::Result<Response> list_users(Services& services, Call& call);
base::Result<Response> show_user(Services& services, Call& call);
base::Result<Response> edit_user(Services& services, Call& call);
base::Result<Response> remove_user(Services& services, Call& call);

// changes.cpp
base::Result<Response> list_changes(Services& services, Call& call);

// upstreams.cpp
base::Result<Response> list_upstreams(Services& services, Call& call);
base::Result<Response> set_upstream_secret(Services& services, Call& call);
base::Result<Response> remove_upstream_secret(Services& services, Call& call);

// usage.cpp
base::Result<Response> sum_usage(Services& services, Call& call);
base::Result<Response> list_usage_records(Services& services, Call& call);

// usage_series.cpp
base::Result<Response> usage_series(Services& services, Call& call);
base::Result<Response> usage_latency(Services& services, Call& call);

// usage_stream.cpp
base::Result<Response> stream_usage(Services& services, Call& call);

// usage_export.cpp
base::Result<Response> export_usage(Services& services, Call& call);

// settings.cpp
base::Result<Response> show_settings(Services& services, Call& call);

// usage_record.cpp
base::Result<Response> show_usage_record(Services& services, Call& call);

// prices.cpp
base::Result<Response> list_prices(Services& services, Call& call);
base::Result<Response> show_price(Services& services, Call& call);

// backup.cpp
base::Result<Response> back_up(Services& services, Call& call);

// doctor.cpp
base::Result<Response> examine_books(Services& services, Call& call);

// unresolved.cpp
base::Result<Response> list_unresolved(Services& services, Call& call);
base::Result<Response> sum_unresolved(Services& services, Call& call);
base::Result<Response> show_unresolved(Services& services, Call& call);
base::Result<Response> settle_unresolved(Services& services, Call& call);
base::Result<Response> release_unresolved(Services& services, Call& call);

}  // namespace admin
