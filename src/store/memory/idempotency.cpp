// Idempotency-Keys, in memory.
#include "store/memory/memory_store.h"

namespace store {

using idempotency::State;

base::Result<std::optional<idempotency::Standing>> MemoryStore::claim(const idempotency::ClaimRequest& request) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, key] : idempotency_keys_)
    if (key.state == State::in_flight && key.incarnation != nodes_.at({}).incarnation) key.state = State::unknown;
  std::erase_if(idempotency_keys_, [&](const auto& entry) {
    return entry.second.state != State::in_flight && entry.second.expires <= request.now;
  });
  const auto [at, fresh] = idempotency_keys_.try_emplace(request.name);
  IdempotencyKey& key = at->second;
  if (fresh) {
    key = {.request = request.request,
           .exchange = request.exchange,
           .incarnation = nodes_.at({}).incarnation,
           .expires = request.expires};
    return std::nullopt;
  }
  idempotency::Standing standing{
      .state = key.state, .exchange = key.exchange, .same_request = key.request == request.request};
  if (standing.same_request) standing.reply = key.reply;
  return standing;
}

base::Status MemoryStore::finish(const idempotency::Name& name, base::ExchangeId exchange, State state,
                                 const std::optional<idempotency::KeptReply>& reply) {
  const std::lock_guard lock(mutex_);
  if (IdempotencyKey* const key = claimed_by(name, exchange)) {
    key->state = state;
    key->reply = reply;
  }
  return {};
}

base::Status MemoryStore::free(const idempotency::Name& name, base::ExchangeId exchange) {
  const std::lock_guard lock(mutex_);
  if (claimed_by(name, exchange) != nullptr) idempotency_keys_.erase(name);
  return {};
}

MemoryStore::IdempotencyKey* MemoryStore::claimed_by(const idempotency::Name& name, base::ExchangeId exchange) {
  const auto found = idempotency_keys_.find(name);
  if (found == idempotency_keys_.end()) return nullptr;
  IdempotencyKey& key = found->second;
  const bool claimed = key.state == State::in_flight && key.exchange == exchange;
  return claimed && key.incarnation == nodes_.at({}).incarnation ? &key : nullptr;
}

}  // namespace store
