#pragma once
// What may be ordered of a balance, and what each order posts. decide() is the whole of it: guards in a fixed order,
// each with one status of its own; after the last of them the order must succeed, and what it moves is a value that a
// store has only to write.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/basis_points.h"
#include "catalog/grant.h"
#include "ledger/burn.h"
#include "ledger/transfer.h"

namespace ledger {

// All that the grants of one account hold may not come near 64 bits: 4 billion dollars.
inline constexpr base::Money account_most = base::Money::from_nanos(4'000'000'000 * base::Money::nanos_per_usd);

// The terms of a grant as ordered.
struct Terms {
  catalog::GrantKind kind = catalog::GrantKind::promotional;
  int priority = catalog::grant_priority_usual;
  std::optional<base::WallTime> effective;  // nullopt: from the moment on
  base::WallTime expires = base::far_future;
  base::BasisPoints fee;  // of a paid grant: what of the amount goes to fees at once, as the account has it
  bool operator==(const Terms&) const = default;
};

// An operator's order. `kind` is top_up, refund, fee, void_grant or dispute; the others come about by themselves.
struct Order {
  base::TransferId id;  // from the caller's idempotency key
  TransferKind kind = TransferKind::top_up;
  base::AccountId account;
  base::Uuid subject;  // void, dispute: the grant; refund: the exchange; else nil
  base::Money amount;  // above zero; a void takes what is left, and says zero
  std::string note;
  std::optional<Terms> terms;  // of a top_up
  base::GrantId opens;         // of a top_up: the id of the grant, if it is made
};

enum class PostStatus : std::uint8_t {
  posted,
  exists,
  exists_with_different_kind,
  exists_with_different_account,
  exists_with_different_subject,
  exists_with_different_amount,
  exists_with_different_terms,
  exists_with_different_note,
  amount_not_positive,
  amount_exceeds_books,  // the account would hold more than account_most
  priority_out_of_range,
  expires_before_effective,
  expires_in_the_past,
  fee_takes_all,  // nothing of the grant would be left
  unknown_grant,  // the account has none of this id
  grant_already_void,
  grant_already_expired,
  grant_not_paid,   // nobody paid for it, so nobody can dispute it
  exceeds_payment,  // more is disputed than was paid, less what was disputed before
  unknown_charge,   // the exchange charged no grant of the account
  exceeds_charge,   // more is given back than was charged, less what was given back before
  exceeds_balance,
};
std::string_view to_string(PostStatus status) noexcept;
// The same id came with another order.
bool is_conflict(PostStatus status) noexcept;

// What the books say of one grant.
struct GrantState {
  catalog::Grant grant;
  base::Money spent = {};
  base::Money leased = {};  // handed to a gateway: free there, reserved, or settled and not flushed; or held by a quote
  base::Money unresolved = {};
  base::Money disputed = {};  // so far
  base::Money expired = {};   // so far, and not put back
  // What may still be leased or taken out. Below zero after a dispute or an overrun.
  base::Money available() const { return grant.credited - spent - leased - unresolved; }
  bool operator==(const GrantState&) const = default;
};
// An account's grants, in burn order.
using Book = std::vector<GrantState>;

// What an exchange has taken from the grants of an account, in burn order, and what was given back of it.
struct Charge {
  base::AccountId account;
  std::vector<Part> taken;
  std::vector<Part> given;
};

// What a decision needs to know.
struct Known {
  std::optional<Transfer> same_id;          // the transfer that has the order's id
  std::optional<catalog::Grant> its_grant;  // if that is a top_up
  std::optional<Charge> charge;             // of the exchange that a refund is about
  Book book;                                // of the order's account
};

struct Decided {
  PostStatus status = PostStatus::posted;
  Transfer transfer;                     // to be appended if posted; the one that exists if it exists
  std::optional<catalog::Grant> opened;  // of a top_up: the grant as it is after it
};
Decided decide(const Order& order, const Known& known, base::WallTime now);

// What happens by itself. The ids of these transfers are made of `number`, how many transfers the books hold.

// Money that is in grants that are over (expired or void): it came back to them, or time went by. Such money is
// nobody's to spend; it is posted as expired, or goes back to where it came from. At most one transfer a grant.
std::vector<Transfer> sweep(const Book& book, base::WallTime now, std::int64_t number);

// Makes good what other grants of the account are below zero, from what `payer` has available. nullopt: none is, or it
// has nothing.
std::optional<Transfer> cover(const Book& book, base::GrantId payer, base::WallTime now, std::int64_t number);

// Whether anybody but the books has to know of it: something is left of it, handed out or held.
bool is_live(const GrantState& state);

// What the account's grants other than `but` are below zero, all together; >= 0.
base::Money debt_beside(const Book& book, base::GrantId but);
// What a grant's counter may hold at most: what stands in it, less the account's debts; nothing if it is void. The
// grant is in the book.
base::Money amount_in(const Book& book, base::GrantId grant);
std::optional<catalog::Grant> grant_in(const Book& book, base::GrantId grant);

// What a transfer changes of what is kept beside the postings: what stands in a grant (all that goes in or out but a
// charge), what use took of it and holds, what was disputed and what has expired. Below zero: less. One entry a grant.
struct GrantChange {
  base::GrantId grant;
  base::Money credited = {};
  base::Money spent = {};
  base::Money unresolved = {};
  base::Money disputed = {};
  base::Money expired = {};
};
std::vector<GrantChange> changes_of(const Transfer& transfer);
// What a charge and the refunds of it say together.
Charge charge_from(const Transfer& charge, std::span<const Transfer> refunds);
// The grant that a book account is; nullopt: it is another one.
std::optional<base::GrantId> grant_of(std::string_view book_account);

}  // namespace ledger
