#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/limit_fields.h"
#include "admin/references.h"
#include "admin/reply.h"
#include "base/time_text.h"

namespace admin {
namespace {

base::Result<catalog::LimitSubject> read_subject(base::JsonFields& fields, const catalog::Snapshot& snapshot,
                                                 const Call& call) {
  TRY(const auto account, fields.string("account"));
  TRY(const auto key, fields.string("key"));
  if (account.has_value() == key.has_value())
    return base::invalid("give 'account' or 'key', whichever the limit is for, and not both", "account");
  if (account) {
    TRY(const catalog::Account* found, find_account(snapshot, *account, "account", call.caller));
    return found->id;
  }
  TRY(const catalog::Key* found, find_key(snapshot, *key, "key", call.caller));
  return found->id;
}

}  // namespace

base::Result<Response> create_limit(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  const auto snapshot = services.catalog.current();
  TRY(const auto subject, read_subject(fields, *snapshot, call));
  TRY_STATUS(check_not_own(call.caller, subject));
  TRY(catalog::NewLimit wanted, read_terms(fields, services.options));
  wanted.subject = subject;
  TRY(const catalog::Limit created, services.catalog.create_limit(wanted));
  return json_reply(201, to_json(created));
}

base::Result<Response> list_limits(Services& services, Call& call) {
  TRY(const Page page, read_page(call.query));
  TRY(const auto account, call.query.text("account"));
  TRY(const auto key, call.query.text("key"));
  TRY(const auto from_template, call.query.text("template"));
  TRY_STATUS(call.query.finish());
  if (account && key) return base::invalid("give 'account' or 'key', not both: a limit is for one of them", "key");
  const auto snapshot = services.catalog.current();
  std::optional<catalog::LimitSubject> subject;
  if (account) {
    TRY(const catalog::Account* found, find_account(*snapshot, *account, "account", call.caller));
    subject = found->id;
  } else if (key) {
    TRY(const catalog::Key* found, find_key(*snapshot, *key, "key", call.caller));
    subject = found->id;
  }
  std::optional<base::LimitId> copied_from;
  if (from_template) {
    TRY(const catalog::LimitTemplate* found, find_template(*snapshot, *from_template, "template"));
    copied_from = found->terms.id;
  }
  std::vector<const catalog::Limit*> limits;
  for (const catalog::Limit& limit : snapshot->limits())
    if ((!subject || limit.subject == *subject) && (!copied_from || limit.from_template == copied_from) &&
        sees(call.caller, *snapshot, limit))
      limits.push_back(&limit);
  const auto taken = take_page(std::move(limits), page);

  std::vector<catalog::Limit> asked;
  for (const catalog::Limit* limit : taken.items) asked.push_back(*limit);
  TRY(const auto numbers, services.inspector.numbers(asked));
  boost::json::array data;
  for (std::size_t i = 0; i < asked.size(); ++i) data.push_back(to_json(asked[i], numbers[i]));
  return list_reply(std::move(data), taken.next);
}

base::Result<Response> show_limit(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Limit* limit, find_limit(*snapshot, call.id, call.caller));
  TRY(const auto numbers, services.inspector.numbers({*limit}));
  return json_reply(200, to_json(*limit, numbers.front()));
}

base::Result<Response> edit_limit(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Limit* limit, find_limit(*snapshot, call.id, call.caller));
  TRY_STATUS(check_not_own(call.caller, limit->subject));
  constexpr std::string_view identity[] = {"account", "key"};
  TRY(const catalog::LimitEdit edit, read_limit_edit(fields, limit->unit, identity));
  TRY(const catalog::Limit changed, services.catalog.edit_limit(limit->id, edit));
  return json_reply(200, to_json(changed));
}

base::Result<Response> raise_limit(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Limit* limit, find_limit(*snapshot, call.id, call.caller));
  TRY_STATUS(check_not_own(call.caller, limit->subject));
  TRY(const auto amount, fields.decimal("amount"));
  TRY(const auto until, fields.required_string("until"));
  TRY_STATUS(fields.finish());
  if (!amount) return base::invalid("'amount' is missing", "amount");
  catalog::Raise raise;
  TRY(raise.amount, read_amount(limit->unit, *amount));
  const auto end = base::parse_time(until);
  if (!end) return base::invalid(fmt::format("'until' {}", end.error().message), "until");
  raise.until = *end;
  TRY(const catalog::Limit changed, services.catalog.raise_limit(limit->id, raise));
  return json_reply(200, to_json(changed));
}

base::Result<Response> end_raise(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Limit* limit, find_limit(*snapshot, call.id, call.caller));
  TRY_STATUS(check_not_own(call.caller, limit->subject));
  TRY(const catalog::Limit changed, services.catalog.raise_limit(limit->id, std::nullopt));
  return json_reply(200, to_json(changed));
}

base::Result<Response> remove_limit(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Limit* limit, find_limit(*snapshot, call.id, call.caller));
  TRY_STATUS(check_not_own(call.caller, limit->subject));
  TRY_STATUS(services.catalog.remove_limit(limit->id));
  return Response{204, {}, {}, {}};
}

}  // namespace admin
