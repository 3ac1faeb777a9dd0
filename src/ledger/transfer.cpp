#include "ledger/transfer.h"

#include <cstring>

#include "base/assert.h"
#include "base/sha256.h"

namespace ledger {

namespace book {
std::string grant(base::GrantId id) { return "grant:" + id.to_string(); }
std::string account(base::AccountId id) { return "account:" + id.to_string(); }
std::string provider(std::string_view upstream) { return "provider:" + std::string(upstream); }
}  // namespace book

std::string_view to_string(TransferKind kind) noexcept {
  switch (kind) {
    case TransferKind::top_up: return "top_up";
    case TransferKind::charge: return "charge";
    case TransferKind::refund: return "refund";
    case TransferKind::fee: return "fee";
    case TransferKind::void_grant: return "void";
    case TransferKind::dispute: return "dispute";
    case TransferKind::expiry: return "expiry";
    case TransferKind::cover: return "cover";
  }
  return "charge";
}

base::TransferId derived_id(std::string_view text) {
  const base::Sha256 digest = base::sha256(text);
  base::TransferId id;
  std::memcpy(id.uuid.bytes.data(), digest.data(), id.uuid.bytes.size());
  id.uuid.bytes[6] = static_cast<std::uint8_t>((id.uuid.bytes[6] & 0x0F) | 0x80);
  id.uuid.bytes[8] = static_cast<std::uint8_t>((id.uuid.bytes[8] & 0x3F) | 0x80);
  return id;
}

std::optional<Transfer> transfer_of(const events::UsageRecord& record, base::AccountId payer,
                                    std::span<const Slice> slices) {
  ASSERT(!record.cost.is_negative());
  ASSERT(slices.empty() || !payer.is_nil());
  Transfer transfer{.id = base::TransferId{record.id.uuid},
                    .at = record.started,
                    .kind = TransferKind::charge,
                    .account = slices.empty() ? record.account : payer,
                    .subject = record.id.uuid,
                    .amount = record.cost,
                    .note = {},
                    .postings = {}};
  const auto post = [&](std::string source, std::string target, base::Money amount) {
    if (amount > base::Money::zero()) transfer.postings.push_back({std::move(source), std::move(target), amount});
  };
  const std::string spender = book::account(record.account);
  ASSERT(record.cost.is_zero() || !record.account.is_nil());
  post(spender, book::provider(record.upstream), record.cost);
  base::Money paid;
  for (const Slice& slice : slices) {
    ASSERT(!slice.spent.is_negative());
    // What a correction holds no more comes back before it pays.
    post(std::string(book::unresolved), book::grant(slice.grant), base::Money::zero() - slice.unresolved);
    post(book::grant(slice.grant), spender, slice.spent);
    post(book::grant(slice.grant), std::string(book::unresolved), slice.unresolved);
    paid += slice.spent;
  }
  if (paid > record.cost) post(spender, std::string(book::revenue), paid - record.cost);
  if (transfer.postings.empty()) return std::nullopt;
  return transfer;
}

}  // namespace ledger
