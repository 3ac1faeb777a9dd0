#include <fmt/format.h>

#include <algorithm>
#include <climits>

#include "admin/handlers.h"
#include "admin/references.h"
#include "admin/reply.h"
#include "ledger/store.h"
#include "quota/balance.h"

namespace admin {
namespace {

base::Result<Response> set_status(Services& services, Call& call, catalog::AccountStatus status) {
  TRY(const base::Json body, read_body(call.request));
  TRY(const auto fields, base::JsonFields::of(body));
  TRY_STATUS(fields.finish());
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Account* found, find_account(*snapshot, call.id, "id", call.caller));
  TRY_STATUS(check_not_own(call.caller, found->id));
  TRY(const catalog::Account changed, services.catalog.set_account_status(found->id, status));
  return json_reply(200, to_json(changed));
}

// Whether `part` is in the text; letters of ASCII count alike, large or small.
bool holds(std::string_view text, std::string_view part) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return !std::ranges::search(text, part, {}, small, small).empty();
}

// Who is limited to an account sees that one at the top.
bool has_shown_parent(const Caller& caller, const catalog::Snapshot& snapshot, const catalog::Account& account) {
  return account.parent && sees(caller, snapshot, *account.parent);
}

constexpr std::string_view at_the_top = "none";  // in place of a parent
constexpr std::string_view inherited_book = "inherit";

// The field `book`: one that the configuration has, or "inherit".
base::Result<catalog::BookName> book_from(const std::string& name, const Options& options) {
  if (name == inherited_book) return catalog::BookName();
  if (name == catalog::default_book || std::ranges::find(options.books, name) != options.books.end())
    return catalog::BookName::of(name);
  return base::invalid(
      fmt::format("there is no price book '{}'; there are {}{}{} ('prices.books' in the configuration declares them), "
                  "and '{}' is that of the account above",
                  name.substr(0, 64), catalog::default_book, options.books.empty() ? "" : ", ",
                  fmt::join(options.books, ", "), inherited_book),
      "book");
}

// What is not there stays. Refuses what has a wrong form; the catalog refuses the rest.
base::Result<catalog::AccountTerms> read_terms(base::JsonFields& fields, const Options& options) {
  catalog::AccountTerms terms;
  TRY(terms.credit_only, fields.boolean("credit_only"));
  TRY(const auto markup, fields.integer("markup_bps"));
  TRY(const auto top_up_fee, fields.integer("top_up_fee_bps"));
  TRY(const auto monthly_fee, fields.decimal("monthly_fee"));
  TRY(const auto fee_day, fields.integer("monthly_fee_day"));
  TRY(const auto fee_zone, fields.string("monthly_fee_time_zone"));
  TRY(const auto book, fields.string("book"));
  if (book) {
    TRY(terms.book, book_from(*book, options));
  }
  if (monthly_fee) {
    const auto amount = base::Money::parse_usd(*monthly_fee);
    if (!amount) return base::invalid(fmt::format("'monthly_fee': {}", amount.error().message), "monthly_fee");
    terms.monthly_fee = *amount;
  }
  if (fee_day) terms.fee_day = static_cast<int>(std::clamp<std::int64_t>(*fee_day, INT_MIN, INT_MAX));
  if (fee_zone) {
    const auto zone = base::TimeZone::find(*fee_zone);
    if (!zone) return base::invalid(zone.error().message, "monthly_fee_time_zone");
    terms.fee_zone = *zone;
  }
  if (markup) terms.markup = base::BasisPoints{*markup};
  if (top_up_fee) terms.top_up_fee = base::BasisPoints{*top_up_fee};
  return terms;
}

// What was paid in and is left would be nobody's.
base::Status check_no_money(Services& services, const catalog::Account& account) {
  TRY(const auto swept, services.ledger.sweep(services.clock.wall_now()));
  if (swept > 0) TRY_STATUS(services.catalog.reload_grants());
  TRY(const auto book, services.ledger.book(account.id));
  std::vector<catalog::Limit> counters;
  for (const ledger::GrantState& state : book) counters.push_back(quota::counter_as_limit(state.grant));
  TRY(const auto numbers, services.inspector.numbers(counters));
  base::Money left;
  for (const quota::FiveNumbers& one : numbers)
    left += base::Money::from_nanos(std::max<std::int64_t>(one.amount - one.spent, 0));
  if (left.is_zero()) return {};
  return base::fail(base::ErrorType::conflict,
                    fmt::format("the balance of '{}' has {} usd that are not spent: void its grants, and settle what "
                                "is unresolved",
                                account.name, left.to_usd()),
                    {}, base::Source::client);
}

// Of the parameter `status`; without it a deleted one is not shown.
base::Result<std::optional<catalog::AccountStatus>> read_status(Query& query) {
  TRY(const auto text, query.text("status"));
  using enum catalog::AccountStatus;
  if (!text) return std::nullopt;
  for (const auto one : {active, suspended, deleted})
    if (to_string(one) == *text) return one;
  return base::invalid(fmt::format("'status' is '{}'; it is active, suspended or deleted", text->substr(0, 64)),
                       "status");
}

}  // namespace

base::Result<Response> create_account(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  catalog::NewAccount wanted;
  TRY(wanted.name, fields.required_string("name"));
  TRY(auto external_id, fields.string("external_id"));
  TRY(const auto parent, fields.string("parent"));
  TRY(wanted.terms, read_terms(fields, services.options));
  TRY_STATUS(fields.finish());
  if (call.caller.account && wanted.terms != catalog::AccountTerms{})
    return base::fail(base::ErrorType::forbidden,
                      "how an account pays, and by which prices, is set by who sees all accounts",
                      wanted.terms.book ? "book" : "", base::Source::client);
  wanted.external_id = std::move(external_id).value_or("");
  if (parent) {
    const auto snapshot = services.catalog.current();
    TRY(const catalog::Account* found, find_account(*snapshot, *parent, "parent", call.caller));
    wanted.parent = found->id;
  } else if (call.caller.account) {
    return base::invalid("'parent' is missing: you make accounts below the one that you are limited to", "parent");
  }
  TRY(const catalog::Account created, services.catalog.create_account(wanted));
  return json_reply(201, to_json(created));
}

base::Result<Response> list_accounts(Services& services, Call& call) {
  TRY(const Page page, read_page(call.query));
  TRY(const auto name, call.query.text("name"));
  TRY(const auto external_id, call.query.text("external_id"));
  TRY(const auto parent, call.query.text("parent"));
  TRY(const auto search, call.query.text("search"));
  TRY(const auto status, read_status(call.query));
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  std::optional<base::AccountId> parent_id;
  if (parent && parent != at_the_top) {
    TRY(const catalog::Account* found, find_account(*snapshot, *parent, "parent", call.caller));
    parent_id = found->id;
  }
  std::vector<const catalog::Account*> accounts;
  for (const catalog::Account& account : snapshot->accounts()) {
    if (!sees(call.caller, *snapshot, account.id)) continue;
    if (status ? account.status != *status : account.status == catalog::AccountStatus::deleted) continue;
    if (name && account.name != *name) continue;
    if (external_id && account.external_id != *external_id) continue;
    if (parent_id && account.parent != parent_id) continue;
    if (parent == at_the_top && has_shown_parent(call.caller, *snapshot, account)) continue;
    if (search && !holds(account.name, *search) && !holds(account.external_id, *search)) continue;
    accounts.push_back(&account);
  }
  const auto taken = take_page(std::move(accounts), page);
  boost::json::array data;
  for (const catalog::Account* account : taken.items) data.push_back(to_json(*account));
  return list_reply(std::move(data), taken.next);
}

base::Result<Response> show_account(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Account* account, find_account(*snapshot, call.id, "id", call.caller));
  return json_reply(200, to_json(*account));
}

base::Result<Response> edit_account(Services& services, Call& call) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  catalog::AccountEdit edit;
  TRY(edit.name, fields.string("name"));
  TRY(edit.external_id, fields.string("external_id"));
  TRY(const auto parent, fields.string("parent"));
  const auto snapshot = services.catalog.current();
  if (parent == at_the_top) {
    edit.parent.emplace();
  } else if (parent) {
    TRY(const catalog::Account* above, find_account(*snapshot, *parent, "parent", call.caller));
    edit.parent = above->id;
  }
  TRY(edit.terms, read_terms(fields, services.options));
  TRY_STATUS(fields.finish());
  if (edit == catalog::AccountEdit{})
    return base::invalid(
        "nothing to change: give 'name', 'external_id', 'parent', 'credit_only', 'markup_bps', 'top_up_fee_bps', "
        "'monthly_fee', 'monthly_fee_day', 'monthly_fee_time_zone' or 'book'");
  TRY(const catalog::Account* found, find_account(*snapshot, call.id, "id", call.caller));
  TRY(const catalog::Account changed, services.catalog.edit_account(found->id, edit));
  return json_reply(200, to_json(changed));
}

base::Result<Response> remove_account(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Account* found, find_account(*snapshot, call.id, "id", call.caller));
  TRY_STATUS(check_not_own(call.caller, found->id));
  TRY_STATUS(check_no_money(services, *found));
  TRY_STATUS(services.catalog.remove_account(found->id));
  return Response{204, {}, {}, {}};
}

base::Result<Response> suspend_account(Services& services, Call& call) {
  return set_status(services, call, catalog::AccountStatus::suspended);
}

base::Result<Response> activate_account(Services& services, Call& call) {
  return set_status(services, call, catalog::AccountStatus::active);
}

}  // namespace admin
