#pragma once
// Port: where transfers are kept. One conformance suite (tests/conformance) holds for every implementation.
//
// Always: transfers and their postings are appended and never changed. What is kept beside them (what stands in a
// grant, what use took of it) changes in the transaction that appends, and check() derives it again from the postings.
// What exchanges charge to grants is not ordered here: the flush posts it (quota/store.h), with the records.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/order.h"

namespace ledger {

struct TransferFilter {
  std::optional<base::AccountId> account;
  std::optional<base::TransferId> before;  // those appended before this one: the cursor of a page
  int limit = 100;                         // 1 to 1000
};

// Something that is kept beside the postings and is not what they say.
struct Discrepancy {
  base::GrantId grant;
  std::string what;  // "credited", "spent", "unresolved", "disputed", "expired"
  base::Money kept;
  base::Money derived;
  bool operator==(const Discrepancy&) const = default;
};

class Store {
 public:
  virtual ~Store() = default;
  // Decides and appends, in one transaction, durable against power loss when it returns. A status that refuses is a
  // value; an error is the store's. `order.account` exists.
  virtual base::Result<Decided> post(const Order& order, base::WallTime now) = 0;
  // Posts what came about by itself, for all accounts: what is left of grants that are over (ledger::sweep), and the
  // monthly fees that are due (ledger::due_fees), each as soon as the balance can pay all of it. How many transfers
  // that were.
  virtual base::Result<std::int64_t> sweep(base::WallTime now) = 0;
  virtual base::Result<std::optional<catalog::Grant>> find_grant(base::GrantId id) = 0;
  // Every grant that the account ever had, in burn order.
  virtual base::Result<Book> book(base::AccountId account) = 0;
  // Newest first. Only what touched a grant: what else exchanges moved is in the usage records. An unknown `before` is
  // invalid_request.
  virtual base::Result<std::vector<Transfer>> transfers(const TransferFilter& filter) = 0;
  // Any transfer, that of an exchange without grants too; nullopt if nothing has this id or it moved nothing.
  virtual base::Result<std::optional<Transfer>> find_transfer(base::TransferId id) = 0;
  // Derives everything again from the postings; empty if the books are right. Reads all of them.
  virtual base::Result<std::vector<Discrepancy>> check() = 0;
};

// How check() does it, one transfer after the other.
class Derivation {
 public:
  void add(const Transfer& transfer);
  // `kept`: every grant there is.
  std::vector<Discrepancy> compare(const Book& kept) const;

 private:
  std::map<base::GrantId, GrantChange> sums_;
};

}  // namespace ledger
