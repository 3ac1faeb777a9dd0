// Idempotency-Keys, in memory.
#include <algorithm>

#include "base/assert.h"
#include "store/memory/memory_store.h"

namespace store {

using idempotency::State;

// One process of a node of a fleet.
class MemoryStore::KeyMember final : public idempotency::Store {
 public:
  KeyMember(MemoryStore& store, base::Uuid node, std::int64_t incarnation)
      : store_(store), node_(node), incarnation_(incarnation) {}

  base::Result<std::optional<idempotency::Standing>> claim(const idempotency::ClaimRequest& request) override {
    const std::lock_guard lock(store_.mutex_);
    TRY_STATUS(check_open());
    return store_.claim_for(node_, request);
  }
  base::Status finish(const idempotency::Name& name, base::ExchangeId exchange, State state,
                      const std::optional<idempotency::KeptReply>& reply) override {
    const std::lock_guard lock(store_.mutex_);
    TRY_STATUS(check_open());
    store_.finish_for(node_, name, exchange, state, reply);
    return {};
  }
  base::Status free(const idempotency::Name& name, base::ExchangeId exchange) override {
    const std::lock_guard lock(store_.mutex_);
    TRY_STATUS(check_open());
    store_.free_for(node_, name, exchange);
    return {};
  }

 private:
  base::Status check_open() const {
    if (store_.nodes_.at(node_).incarnation == incarnation_) return {};
    return base::fail(base::ErrorType::conflict, "another process has taken over this node; this one claims no keys",
                      {}, base::Source::store);
  }

  MemoryStore& store_;
  const base::Uuid node_;
  const std::int64_t incarnation_;
};

std::unique_ptr<idempotency::Store> MemoryStore::join_keys(base::Uuid node) {
  const std::lock_guard lock(mutex_);
  ASSERT(!node.is_nil() && nodes_.at(node).incarnation > 0);
  return std::make_unique<KeyMember>(*this, node, nodes_.at(node).incarnation);
}

bool MemoryStore::is_in_flight(const IdempotencyKey& key) const {
  return key.state == State::in_flight && key.incarnation == nodes_.at(key.node).incarnation;
}

void MemoryStore::make_room(const idempotency::ClaimRequest& request) {
  std::vector<std::pair<base::WallTime, idempotency::Name>> others;
  for (const auto& [name, key] : idempotency_keys_)
    if (name.key == request.name.key && name != request.name) others.emplace_back(key.expires, name);
  std::ranges::sort(others, std::ranges::greater{});
  for (std::size_t at = request.most - 1; at < others.size(); ++at)
    if (!is_in_flight(idempotency_keys_.at(others[at].second))) idempotency_keys_.erase(others[at].second);
}

std::optional<idempotency::Standing> MemoryStore::claim_for(base::Uuid node, const idempotency::ClaimRequest& request) {
  for (auto& [name, key] : idempotency_keys_)
    if (key.state == State::in_flight && !is_in_flight(key)) key.state = State::unknown;
  std::erase_if(idempotency_keys_, [&](const auto& entry) {
    return entry.second.state != State::in_flight && entry.second.expires <= request.now;
  });
  const auto [at, fresh] = idempotency_keys_.try_emplace(request.name);
  IdempotencyKey& key = at->second;
  if (fresh) {
    if (request.most > 0) make_room(request);
    key = {.request = request.request,
           .exchange = request.exchange,
           .node = node,
           .incarnation = nodes_.at(node).incarnation,
           .expires = request.expires};
    return std::nullopt;
  }
  if (claimed_by(node, request.name, request.exchange) != nullptr) return std::nullopt;
  idempotency::Standing standing{
      .state = key.state, .exchange = key.exchange, .same_request = key.request == request.request};
  if (standing.same_request) standing.reply = key.reply;
  return standing;
}

void MemoryStore::finish_for(base::Uuid node, const idempotency::Name& name, base::ExchangeId exchange, State state,
                             const std::optional<idempotency::KeptReply>& reply) {
  if (IdempotencyKey* const key = claimed_by(node, name, exchange)) {
    key->state = state;
    key->reply = reply;
  }
}

void MemoryStore::free_for(base::Uuid node, const idempotency::Name& name, base::ExchangeId exchange) {
  if (claimed_by(node, name, exchange) != nullptr) idempotency_keys_.erase(name);
}

MemoryStore::IdempotencyKey* MemoryStore::claimed_by(base::Uuid node, const idempotency::Name& name,
                                                     base::ExchangeId exchange) {
  const auto found = idempotency_keys_.find(name);
  if (found == idempotency_keys_.end()) return nullptr;
  IdempotencyKey& key = found->second;
  return is_in_flight(key) && key.node == node && key.exchange == exchange ? &key : nullptr;
}

// --- the embedded one ------------------------------------------------------------------------------------------------

base::Result<std::optional<idempotency::Standing>> MemoryStore::claim(const idempotency::ClaimRequest& request) {
  const std::lock_guard lock(mutex_);
  return claim_for({}, request);
}

base::Status MemoryStore::finish(const idempotency::Name& name, base::ExchangeId exchange, State state,
                                 const std::optional<idempotency::KeptReply>& reply) {
  const std::lock_guard lock(mutex_);
  finish_for({}, name, exchange, state, reply);
  return {};
}

base::Status MemoryStore::free(const idempotency::Name& name, base::ExchangeId exchange) {
  const std::lock_guard lock(mutex_);
  free_for({}, name, exchange);
  return {};
}

}  // namespace store
