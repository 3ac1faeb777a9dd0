// Idempotency-Keys: claimed, ended and forgotten, each in a transaction of its own.
#include "store/sqlite/enum_text.h"
#include "store/sqlite/sqlite_store.h"

namespace store {

using idempotency::State;
using sqlite::Rows;
using sqlite::Transaction;

base::Result<std::optional<idempotency::Standing>> SqliteStore::claim(const idempotency::ClaimRequest& request) {
  const std::lock_guard lock(writer_mutex_);
  TRY(auto transaction, Transaction::begin(writer_));
  TRY_STATUS(check_incarnation());
  TRY_STATUS(forget_expired(request));
  TRY(auto standing, standing_of(request));
  if (standing && standing->state == State::in_flight && standing->exchange == request.exchange) return std::nullopt;
  if (standing) return standing;
  TRY_STATUS(make_room(request));
  TRY_STATUS(
      writer_.run("INSERT INTO idempotency_keys (key_id, digest, request, exchange, incarnation, state, expires) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                  request.name.key, request.name.digest, request.request, request.exchange, incarnation_,
                  idempotency::to_string(State::in_flight), request.expires));
  TRY_STATUS(transaction.commit());
  return std::nullopt;
}

// The asked-for one if its time is over, and some others. What runs in this process stays.
base::Status SqliteStore::forget_expired(const idempotency::ClaimRequest& request) {
  TRY_STATUS(
      writer_.run("DELETE FROM idempotency_keys WHERE key_id = ?1 AND digest = ?2 AND expires <= ?3 "
                  "AND NOT (state = 'in_flight' AND incarnation = ?4)",
                  request.name.key, request.name.digest, request.now, incarnation_));
  TRY_STATUS(
      writer_.run("DELETE FROM idempotency_keys WHERE rowid IN (SELECT rowid FROM idempotency_keys "
                  "WHERE expires <= ?1 AND NOT (state = 'in_flight' AND incarnation = ?2) ORDER BY expires LIMIT ?3)",
                  request.now, incarnation_, static_cast<std::int64_t>(idempotency::forgotten_with_a_claim)));
  return {};
}

base::Status SqliteStore::make_room(const idempotency::ClaimRequest& request) {
  if (request.most == 0) return {};
  TRY_STATUS(
      writer_.run("DELETE FROM idempotency_keys WHERE key_id = ?1 AND digest <> ?2 AND "
                  "NOT (state = 'in_flight' AND incarnation = ?3) AND rowid IN (SELECT rowid FROM idempotency_keys "
                  "WHERE key_id = ?1 AND digest <> ?2 ORDER BY expires DESC LIMIT -1 OFFSET ?4)",
                  request.name.key, request.name.digest, incarnation_, static_cast<std::int64_t>(request.most) - 1));
  return {};
}

base::Result<std::optional<idempotency::Standing>> SqliteStore::standing_of(const idempotency::ClaimRequest& request) {
  TRY(Rows rows, writer_.query("SELECT state, incarnation, exchange, request, status, fields, body "
                               "FROM idempotency_keys WHERE key_id = ?1 AND digest = ?2",
                               request.name.key, request.name.digest));
  TRY(const bool found, rows.next());
  if (!found) return std::nullopt;
  idempotency::Standing standing;
  TRY(standing.state, sqlite::enum_from(rows.take_text(), State::unknown, "idempotency_keys.state"));
  const std::int64_t incarnation = rows.take_integer();
  if (standing.state == State::in_flight && incarnation != incarnation_) standing.state = State::unknown;
  standing.exchange = rows.take_id<base::ExchangeId>();
  standing.same_request = rows.take_digest() == request.request;
  const auto status = rows.take_optional_integer();
  if (status && standing.same_request) {
    idempotency::KeptReply& reply = standing.reply.emplace();
    reply.status = static_cast<int>(*status);
    reply.fields = rows.take_blob();
    reply.body = rows.take_blob();
  }
  return standing;
}

base::Status SqliteStore::finish(const idempotency::Name& name, base::ExchangeId exchange, State state,
                                 const std::optional<idempotency::KeptReply>& reply) {
  const std::lock_guard lock(writer_mutex_);
  std::optional<std::int64_t> status;
  std::optional<sqlite::Blob> fields;
  std::optional<sqlite::Blob> body;
  if (reply) {
    status = reply->status;
    fields = sqlite::Blob{reply->fields};
    body = sqlite::Blob{reply->body};
  }
  TRY_STATUS(
      writer_.run("UPDATE idempotency_keys SET state = ?1, status = ?2, fields = ?3, body = ?4 "
                  "WHERE key_id = ?5 AND digest = ?6 AND exchange = ?7 AND incarnation = ?8 AND state = 'in_flight'",
                  idempotency::to_string(state), status, fields, body, name.key, name.digest, exchange, incarnation_));
  return {};
}

base::Status SqliteStore::free(const idempotency::Name& name, base::ExchangeId exchange) {
  const std::lock_guard lock(writer_mutex_);
  TRY_STATUS(
      writer_.run("DELETE FROM idempotency_keys WHERE key_id = ?1 AND digest = ?2 AND exchange = ?3 "
                  "AND incarnation = ?4 AND state = 'in_flight'",
                  name.key, name.digest, exchange, incarnation_));
  return {};
}

}  // namespace store
