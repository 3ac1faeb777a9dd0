#pragma once
// The auditor's books of a prepaid account, in double entry. Keeps every posting that the store appends, derives each
// balance from them again, and says itself which order is good and what it moves: the burn order, the way back of a
// refund, the share that is a fee, and what is left of a grant that is over are worked out here once more, and nothing
// of the engine's ledger is asked.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/money.h"

namespace sim {

using base::Money;

// A book account. A grant goes by its number among the limits.
struct BookAccount {
  enum class Kind : std::uint8_t {
    grant,
    spender,
    provider,
    deposits,
    promotional,
    revenue,
    fees,
    unresolved,
    expired
  };
  Kind kind = Kind::grant;
  int grant = 0;
  auto operator<=>(const BookAccount&) const = default;
};
struct Moved {
  BookAccount from, to;
  Money amount;
  bool operator==(const Moved&) const = default;
};
enum class MoveKind : std::uint8_t { top_up, charge, refund, fee, void_grant, dispute, expiry, cover };

// A transfer as the store has it.
struct Move {
  std::string id;
  MoveKind kind = MoveKind::charge;
  int grant = -1;                    // that it is about
  std::optional<int> exchange = {};  // likewise
  Money amount;
  std::int64_t at_ms = 0;
  std::vector<Moved> postings;
};

// An operator's order.
struct Ordered {
  std::string id;
  MoveKind kind = MoveKind::top_up;
  int grant = -1;  // that it is about; of a top-up: that it opens
  std::optional<int> exchange = {};
  Money amount;
};
enum class Answered : std::uint8_t { posted, exists, conflict, refused };

struct GrantTerms {
  std::string id;  // the last word of the burn order
  bool paid = false;
  int priority = 0;
  Money amount;
  std::int64_t effective_ms = 0, expires_ms = 0;
  std::int64_t fee_basis_points = 0;  // what of the amount goes to fees
};

// What the store keeps beside the postings.
struct KeptGrant {
  int grant = 0;
  Money credited, spent, leased, unresolved, disputed, expired;  // `leased`: also what quotes hold
  bool voided = false;
};

// The amount with its share on top, and the share alone, rounded up: in whole basis points.
Money share(Money amount, std::int64_t basis_points);

class Bookkeeper {
 public:
  // A top-up that was ordered under this number; the grant is there when it is posted.
  void grant_ordered(int number, GrantTerms terms) { terms_.emplace(number, std::move(terms)); }
  // What the answer to an order must be, by what was seen of the store.
  Answered expected(const Ordered& order, std::int64_t now_ms) const;
  void given(const Ordered& order) { orders_.insert_or_assign(order.id, order); }
  bool was_given(const std::string& order) const { return orders_.contains(order); }
  // What the store has appended since it was last looked at, the oldest first, and what it keeps now.
  void see(const std::vector<Move>& moves, const std::vector<KeptGrant>& kept);

  // --- the books
  bool knows(int grant) const { return books_.contains(grant); }
  std::vector<int> grants() const;  // that there are, in burn order
  bool burns_before(int a, int b) const;
  bool is_usable(int grant, std::int64_t from_ms, std::int64_t to_ms) const;  // at every moment from one to the other
  bool may_be_usable(int grant, std::int64_t from_ms, std::int64_t to_ms) const;  // at one of them
  Money credited(int grant) const;
  // What its counter may hold at most.
  Money amount(int grant) const;
  // What the account's grants are below zero, all together.
  Money debts() const;
  // It is over, and what is left of it is nobody's to spend.
  bool is_over(int grant, std::int64_t now_ms) const;
  const std::vector<int>& charged() const { return charged_; }  // exchanges

 private:
  struct Book {
    Money credited, spent, leased, unresolved, disputed, expired;
    bool voided = false;
    Money left() const { return credited - spent - leased - unresolved; }
  };
  const Book& book(int grant) const { return books_.at(grant); }
  const GrantTerms& terms(int grant) const { return terms_.at(grant); }
  BookAccount origin(int grant) const;
  Money debt_beside(int grant) const;
  bool ended(int grant, std::int64_t now_ms) const;
  bool same_order(const Ordered& before, const Ordered& again) const;
  Answered answer_to_new(const Ordered& order, std::int64_t now_ms) const;
  Money left_of_charge(int exchange) const;
  std::optional<std::vector<Moved>> burn(Money amount, std::int64_t now_ms) const;

  std::vector<Moved> expected_postings(const Ordered& order, std::int64_t now_ms) const;
  void check(const Move& move) const;
  void check_by_itself(const Move& move) const;
  void check_charge(const Move& move) const;
  void check_monthly_fee(const Move& move) const;
  void post(const Move& move);
  void check_covers(const std::vector<Move>& moves, const std::map<int, Money>& leased_before) const;
  void check_kept(const KeptGrant& kept) const;
  void check_sums() const;

  std::map<int, GrantTerms> terms_;
  std::map<int, Book> books_;
  std::map<std::string, Ordered> orders_;
  std::map<std::string, Ordered> done_;
  std::map<BookAccount, Money> balances_;
  struct Slice {
    int grant = 0;
    Money taken, given;
  };
  static void take(std::vector<Slice>& slices, int grant, Money amount);
  std::map<int, std::vector<Slice>> charges_;  // by exchange: what each grant paid of it
  std::vector<int> charged_;
};

}  // namespace sim
