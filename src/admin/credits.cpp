// Balances: grants, what was ordered of them, and the transfers that it posted. What may be posted is the ledger's to
// say (ledger/order.h); here an order is read, given, and answered the same however often it is repeated.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "admin/handlers.h"
#include "admin/references.h"
#include "admin/repeat.h"
#include "admin/reply.h"
#include "base/random.h"
#include "base/rfc3339.h"
#include "base/time_text.h"
#include "catalog/checks.h"
#include "quota/balance.h"

namespace admin {
namespace {

using ledger::PostStatus;
using ledger::TransferKind;

constexpr std::size_t note_bytes_max = 200;

base::Uuid uuid_of(std::string_view text) {
  const base::Sha256 digest = base::sha256(text);
  base::Uuid uuid;
  std::memcpy(uuid.bytes.data(), digest.data(), uuid.bytes.size());
  uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0F) | 0x80);  // version 8: made of something
  uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3F) | 0x80);
  return uuid;
}

// The order's id: what makes a repeated call the same call.
base::Result<base::TransferId> read_order_id(const Request& request) {
  const std::string& key = request.idempotency_key;
  if (key.empty())
    return base::invalid(
        "the header 'Idempotency-Key' is missing: a text of your own for this call, so that a repeat of it moves no "
        "money twice",
        "Idempotency-Key");
  TRY_STATUS(check_idempotency_key(key));
  return base::TransferId{uuid_of("idempotency key " + key)};
}

base::Result<base::Money> read_amount(base::JsonFields& fields) {
  TRY(const auto text, fields.decimal("amount"));
  if (!text) return base::invalid("'amount' is missing: how much, in USD", "amount");
  const auto money = base::Money::parse_usd(*text);
  if (!money) return base::invalid(fmt::format("'amount': {}", money.error().message), "amount");
  return *money;
}

base::Result<std::string> read_note(base::JsonFields& fields) {
  TRY(const auto note, fields.string("note"));
  if (note && note->size() > note_bytes_max)
    return base::invalid(fmt::format("'note' has {} bytes; at most {} are kept", note->size(), note_bytes_max), "note");
  return note.value_or("");
}

base::Result<std::optional<base::WallTime>> read_time(base::JsonFields& fields, std::string_view name) {
  TRY(const auto text, fields.string(name));
  if (!text) return std::nullopt;
  const auto time = base::parse_time_or_date(*text);
  if (!time) return base::invalid(fmt::format("'{}' {}", name, time.error().message), std::string(name));
  return *time;
}

// What keeps an order from being posted, in words; nullopt: nothing does.
std::optional<base::Error> refusal_of(PostStatus status) {
  using enum base::ErrorType;
  const auto error = [&](base::ErrorType type, std::string_view field, std::string_view message) {
    return base::Error{.type = type,
                       .source = base::Source::client,
                       .message = fmt::format("{} ({})", message, to_string(status)),
                       .field = std::string(field)};
  };
  if (is_conflict(status))
    return error(conflict, "Idempotency-Key",
                 "this idempotency key came with another order before; take a new key for a new order");
  switch (status) {
    case PostStatus::amount_not_positive: return error(invalid_request, "amount", "'amount' must be above zero");
    case PostStatus::amount_exceeds_books:
      return error(invalid_request, "amount", "'amount' is more than the books of one account hold: 4 billion USD");
    case PostStatus::priority_out_of_range: return error(invalid_request, "priority", "'priority' must be 0 to 255");
    case PostStatus::expires_before_effective:
      return error(invalid_request, "expires", "'expires' must be after 'effective'");
    case PostStatus::expires_in_the_past: return error(invalid_request, "expires", "'expires' is past");
    case PostStatus::fee_takes_all:
      return error(invalid_request, "amount", "the account's fee on top-ups leaves nothing of 'amount'");
    case PostStatus::unknown_grant: return error(not_found, "id", "there is no such grant");
    case PostStatus::grant_already_void: return error(conflict, "id", "the grant is void already");
    case PostStatus::grant_already_expired: return error(conflict, "id", "the grant has expired already");
    case PostStatus::grant_not_paid: return error(conflict, "id", "nobody paid for this grant, so nobody disputes it");
    case PostStatus::exceeds_payment:
      return error(conflict, "amount", "'amount' is more than was paid for the grant and is not disputed yet");
    case PostStatus::unknown_charge:
      return error(not_found, "exchange", "no balance was charged for such an exchange, or it has not ended yet");
    case PostStatus::exceeds_charge:
      return error(conflict, "amount", "'amount' is more than was charged for the exchange and is not given back yet");
    case PostStatus::exceeds_balance:
      return error(insufficient_balance, "amount",
                   "the account's balance does not have 'amount' free; calls under way may hold some of it");
    default: return std::nullopt;
  }
}

// Gives the order, and lets the data plane know what became of the grants.
base::Result<ledger::Decided> give(Services& services, const ledger::Order& order) {
  TRY(auto decided, services.ledger.post(order, services.clock.wall_now()));
  if (auto refusal = refusal_of(decided.status)) return base::fail(std::move(*refusal));
  // Of a repeat too: the first may not have got this far.
  TRY_STATUS(services.catalog.reload_grants(decided.transfer.account));
  return decided;
}

boost::json::object to_json(const ledger::Transfer& transfer) {
  boost::json::array postings;
  for (const ledger::Posting& posting : transfer.postings)
    postings.push_back(boost::json::object{
        {"source", posting.source}, {"target", posting.target}, {"amount", posting.amount.to_usd()}});
  return {{"id", transfer.id.to_string()},
          {"at", base::to_rfc3339(transfer.at)},
          {"kind", to_string(transfer.kind)},
          {"account", transfer.account.to_string()},
          {"subject",
           transfer.subject.is_nil() ? boost::json::value(nullptr) : boost::json::value(transfer.subject.to_string())},
          {"amount", transfer.amount.to_usd()},
          {"note", transfer.note},
          {"postings", std::move(postings)}};
}

// What of a grant never changes.
boost::json::object terms_json(const catalog::Grant& grant) {
  return {{"id", grant.id.to_string()},
          {"account", grant.account.to_string()},
          {"kind", to_string(grant.kind)},
          {"priority", grant.priority},
          {"granted", grant.amount.to_usd()},
          {"effective", base::to_rfc3339(grant.effective)},
          {"expires", grant.expires == base::far_future ? boost::json::value(nullptr)
                                                        : boost::json::value(base::to_rfc3339(grant.expires))},
          {"note", grant.note},
          {"created", base::to_rfc3339(grant.created)}};
}

std::string_view status_of(const ledger::GrantState& state, base::WallTime now) {
  if (state.grant.voided) return "void";
  if (state.grant.expires <= now) return "expired";
  if (state.available().is_negative()) return "below_zero";
  if (!ledger::is_live(state)) return "used_up";
  return now < state.grant.effective ? "pending" : "active";
}

base::Result<base::GrantId> read_grant(const Call& call) {
  const auto id = base::GrantId::parse(call.id);
  if (!id) return base::invalid(id.error().message, "id");
  return *id;
}

// An order about one grant, whose account the ledger knows.
base::Result<ledger::Order> order_about_grant(Services& services, const Call& call, TransferKind kind) {
  TRY(const base::GrantId grant, read_grant(call));
  TRY(const base::TransferId id, read_order_id(call.request));
  TRY(const auto known, services.ledger.find_grant(grant));
  if (!known) return base::fail(*refusal_of(PostStatus::unknown_grant));
  return ledger::Order{.id = id,
                       .kind = kind,
                       .account = known->account,
                       .subject = grant.uuid,
                       .amount = {},
                       .note = {},
                       .terms = {},
                       .opens = {}};
}

struct Sums {
  std::int64_t amount = 0, reserved = 0, unresolved = 0, spent = 0;
  boost::json::object to_json() const {
    const std::int64_t left = amount - reserved - unresolved - spent;
    const auto usd = [](std::int64_t nanos) { return base::Money::from_nanos(nanos).to_usd(); };
    return {{"amount", usd(amount)},     {"available", usd(std::max<std::int64_t>(left, 0))},
            {"reserved", usd(reserved)}, {"unresolved", usd(unresolved)},
            {"spent", usd(spent)},       {"owed", usd(std::max<std::int64_t>(-left, 0))}};
  }
};

}  // namespace

base::Result<Response> create_grant(Services& services, Call& call) {
  TRY(const base::TransferId id, read_order_id(call.request));
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(const auto account, fields.required_string("account"));
  TRY(const base::Money amount, read_amount(fields));
  TRY(const auto kind, fields.required_string("kind"));
  TRY(const auto priority, fields.integer("priority"));
  ledger::Terms terms;
  TRY(terms.effective, read_time(fields, "effective"));
  TRY(const auto expires, read_time(fields, "expires"));
  TRY(auto note, read_note(fields));
  TRY_STATUS(fields.finish());
  const auto known_kind = catalog::grant_kind_from(kind);
  if (!known_kind) return base::invalid(known_kind.error().message, "kind");
  terms.kind = *known_kind;
  terms.priority = static_cast<int>(std::clamp<std::int64_t>(priority.value_or(terms.priority), -1, INT32_MAX));
  terms.expires = expires.value_or(base::far_future);
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Account* found, find_account(*snapshot, account, "account", call.caller));
  TRY_STATUS(check_not_deleted(*found, "account"));
  if (!found->credit_only)
    return base::fail(base::ErrorType::conflict,
                      fmt::format("'{}' is not prepaid, so nothing would be drawn from a grant; set its 'credit_only' "
                                  "first",
                                  found->name),
                      "account", base::Source::client);
  terms.fee = found->top_up_fee;
  const base::WallTime now = services.clock.wall_now();
  TRY(const auto decided, give(services, {.id = id,
                                          .kind = TransferKind::top_up,
                                          .account = found->id,
                                          .subject = {},
                                          .amount = amount,
                                          .note = std::move(note),
                                          .terms = terms,
                                          .opens = base::GrantId::create(now, base::system_random())}));
  auto json = terms_json(*decided.opened);
  json["transfer"] = to_json(decided.transfer);
  return json_reply(201, json);
}

base::Result<Response> void_grant(Services& services, Call& call) {
  TRY(auto order, order_about_grant(services, call, TransferKind::void_grant));
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(order.note, read_note(fields));
  TRY_STATUS(fields.finish());
  TRY(const auto decided, give(services, order));
  TRY(const auto swept, services.ledger.sweep(services.clock.wall_now()));  // what the gateway gave back meanwhile
  (void)swept;
  return json_reply(200, to_json(decided.transfer));
}

base::Result<Response> dispute_grant(Services& services, Call& call) {
  TRY(auto order, order_about_grant(services, call, TransferKind::dispute));
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(order.amount, read_amount(fields));
  TRY(order.note, read_note(fields));
  TRY_STATUS(fields.finish());
  TRY(const auto decided, give(services, order));
  return json_reply(200, to_json(decided.transfer));
}

base::Result<Response> refund_charge(Services& services, Call& call) {
  TRY(const base::TransferId id, read_order_id(call.request));
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(const auto exchange, fields.required_string("exchange"));
  TRY(const base::Money amount, read_amount(fields));
  TRY(auto note, read_note(fields));
  TRY_STATUS(fields.finish());
  const auto parsed = base::ExchangeId::parse(exchange);
  if (!parsed) return base::invalid(parsed.error().message, "exchange");
  TRY(const auto charge, services.ledger.find_transfer(base::TransferId{parsed->uuid}));
  if (!charge) return base::fail(*refusal_of(PostStatus::unknown_charge));
  TRY(const auto decided, give(services, {.id = id,
                                          .kind = TransferKind::refund,
                                          .account = charge->account,
                                          .subject = parsed->uuid,
                                          .amount = amount,
                                          .note = std::move(note),
                                          .terms = {},
                                          .opens = {}}));
  return json_reply(200, to_json(decided.transfer));
}

base::Result<Response> take_fee(Services& services, Call& call) {
  TRY(const base::TransferId id, read_order_id(call.request));
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(const auto account, fields.required_string("account"));
  TRY(const base::Money amount, read_amount(fields));
  TRY(auto note, read_note(fields));
  TRY_STATUS(fields.finish());
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Account* found, find_account(*snapshot, account, "account", call.caller));
  TRY(const auto decided, give(services, {.id = id,
                                          .kind = TransferKind::fee,
                                          .account = found->id,
                                          .subject = {},
                                          .amount = amount,
                                          .note = std::move(note),
                                          .terms = {},
                                          .opens = {}}));
  return json_reply(200, to_json(decided.transfer));
}

base::Result<Response> show_balance(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  TRY(const catalog::Account* account, find_account(*snapshot, call.id, "id", call.caller));
  const base::WallTime now = services.clock.wall_now();
  TRY(const auto swept, services.ledger.sweep(now));
  if (swept > 0) TRY_STATUS(services.catalog.reload_grants());
  TRY(const auto book, services.ledger.book(account->id));
  std::vector<catalog::Limit> counters;
  for (const ledger::GrantState& state : book) counters.push_back(quota::counter_as_limit(state.grant));
  TRY(const auto numbers, services.inspector.numbers(counters));
  Sums all;
  boost::json::array grants;
  for (std::size_t i = 0; i < book.size(); ++i) {
    const Sums one{.amount = counters[i].amount,
                   .reserved = numbers[i].reserved,
                   .unresolved = numbers[i].unresolved,
                   .spent = numbers[i].spent};
    all.amount += one.amount;
    all.reserved += one.reserved;
    all.unresolved += one.unresolved;
    all.spent += one.spent;
    auto json = terms_json(book[i].grant);
    json["status"] = status_of(book[i], now);
    for (const auto& [name, value] : one.to_json()) json[name] = value;
    grants.push_back(std::move(json));
  }
  auto json = all.to_json();
  json["account"] = account->id.to_string();
  json["credit_only"] = account->credit_only;
  json["grants"] = std::move(grants);
  return json_reply(200, json);
}

base::Result<Response> list_transfers(Services& services, Call& call) {
  TRY(const Page page, read_page(call.query));
  TRY(const auto account, call.query.text("account"));
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  ledger::TransferFilter filter{
      .account = {}, .before = {}, .limit = static_cast<int>(std::min<std::size_t>(page.limit, 999)) + 1};
  if (account) {
    TRY(const catalog::Account* found, find_account(*snapshot, *account, "account", call.caller));
    filter.account = found->id;
  }
  if (page.cursor) {
    TRY(filter.before, base::TransferId::parse(*page.cursor));
  }
  TRY(auto transfers, services.ledger.transfers(filter));
  const std::size_t shown = static_cast<std::size_t>(filter.limit) - 1;  // one more tells whether there is a next page
  const bool more = transfers.size() > shown;
  if (more) transfers.resize(shown);
  boost::json::array data;
  for (const ledger::Transfer& transfer : transfers) data.push_back(to_json(transfer));
  return list_reply(std::move(data), more ? std::optional(transfers.back().id.to_string()) : std::nullopt);
}

base::Result<Response> check_balances(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  TRY(const auto found, services.ledger.check());
  boost::json::array wrong;
  for (const ledger::Discrepancy& one : found)
    wrong.push_back(boost::json::object{{"grant", one.grant.to_string()},
                                        {"what", one.what},
                                        {"kept", one.kept.to_usd()},
                                        {"derived", one.derived.to_usd()}});
  return json_reply(200, {{"right", wrong.empty()}, {"wrong", std::move(wrong)}});
}

}  // namespace admin
