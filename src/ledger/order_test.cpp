#include "ledger/order.h"

#include "ledger/world_test.h"
#include "tests/support/seeded_random.h"

using namespace ledger;
using namespace ledger::testing;
using catalog::GrantKind;
using enum PostStatus;

namespace {

constexpr Terms paid{.kind = GrantKind::paid, .effective = {}, .fee = {}};
constexpr Terms paid_until(std::int64_t ms) {
  return {.kind = GrantKind::paid, .effective = {}, .expires = {ms}, .fee = {}};
}
std::int64_t held(const Books& books, std::string_view name) { return books.balances()[std::string(name)]; }

}  // namespace

TEST_CASE("a grant is paid for by deposits or given by promotion, and its fee goes to fees") {
  Books books;
  CHECK(books.order(put_in(1, 100)).status == posted);
  Terms with_fee = paid;
  with_fee.fee = {500};
  const auto decided = books.order(put_in(2, 101, with_fee));
  CHECK(decided.status == posted);
  CHECK(decided.opened->credited == nanos(95));  // 5 % of 101 is 5.05, rounded up
  CHECK(decided.opened->effective == books.now);
  CHECK(held(books, book::promotional) == -100);
  CHECK(held(books, book::deposits) == -101);
  CHECK(held(books, book::fees) == 6);
  books.audit();
}

TEST_CASE("each order that cannot be is refused by a status of its own, and posts nothing") {
  Books books;
  books.order(put_in(1, 100, paid_until(5'000)));
  books.order(put_in(2, 50));
  books.order(about(3, TransferKind::void_grant, grant(2).uuid, 0));
  REQUIRE(books.charge(1, nanos(10), nanos(12)));
  const auto refusing = [&](const Order& order) {
    const std::size_t before = books.transfers.size();
    const auto decided = books.order(order);
    CHECK(books.transfers.size() == before);
    CHECK(decided.transfer == Transfer{});
    return decided.status;
  };
  using enum TransferKind;
  CHECK(refusing(put_in(9, 0)) == amount_not_positive);
  CHECK(refusing(put_in(9, -1)) == amount_not_positive);
  CHECK(refusing(put_in(9, account_most.nanos())) == amount_exceeds_books);
  CHECK(refusing(put_in(9, INT64_MAX)) == amount_exceeds_books);
  CHECK(refusing(put_in(9, 1, {.priority = 256, .effective = {}, .fee = {}})) == priority_out_of_range);
  CHECK(refusing(put_in(9, 1, {.priority = -1, .effective = {}, .fee = {}})) == priority_out_of_range);
  CHECK(refusing(put_in(9, 1, {.effective = base::WallTime{9'000}, .expires = {9'000}, .fee = {}})) ==
        expires_before_effective);
  CHECK(refusing(put_in(9, 1, {.effective = base::WallTime{1}, .expires = {1'000}, .fee = {}})) == expires_in_the_past);
  CHECK(refusing(put_in(9, 7, {.kind = GrantKind::paid, .effective = {}, .fee = {10'000}})) == fee_takes_all);
  CHECK(refusing(about(9, void_grant, grant(7).uuid, 0)) == unknown_grant);
  CHECK(refusing(about(9, void_grant, grant(2).uuid, 0)) == grant_already_void);
  CHECK(refusing(about(9, dispute, grant(7).uuid, 1)) == unknown_grant);
  CHECK(refusing(about(9, dispute, grant(2).uuid, 1)) == grant_not_paid);
  CHECK(refusing(about(9, dispute, grant(1).uuid, 0)) == amount_not_positive);
  CHECK(refusing(about(9, dispute, grant(1).uuid, 101)) == exceeds_payment);
  CHECK(refusing(about(9, refund, exchange(7).uuid, 1)) == unknown_charge);
  CHECK(refusing(about(9, refund, exchange(1).uuid, 0)) == amount_not_positive);
  CHECK(refusing(about(9, refund, exchange(1).uuid, 13)) == exceeds_charge);
  CHECK(refusing(about(9, fee, {}, 0)) == amount_not_positive);
  CHECK(refusing(about(9, fee, {}, 89)) == exceeds_balance);
  Order other = about(9, refund, exchange(1).uuid, 1);
  other.account = account(2);
  CHECK(refusing(other) == unknown_charge);
  books.now = {5'000};
  CHECK(refusing(about(9, void_grant, grant(1).uuid, 0)) == grant_already_expired);
  CHECK(refusing(about(9, fee, {}, 1)) == exceeds_balance);
  books.audit();
}

TEST_CASE("the same order again exists, and with another content says what differs") {
  Books books;
  Order order = put_in(1, 100, paid);
  order.note = "invoice 7";
  const auto first = books.order(order);
  REQUIRE(first.status == posted);
  books.now = {7'000};
  order.opens = grant(99);  // made anew for each call
  const auto again = books.order(order);
  CHECK(again.status == exists);
  CHECK(again.transfer == first.transfer);
  CHECK(again.opened->id == grant(1));
  CHECK(books.transfers.size() == 1);
  const auto with = [&](auto change) {
    Order changed = order;
    change(changed);
    const PostStatus status = books.order(changed).status;
    CHECK(is_conflict(status));
    return status;
  };
  CHECK(with([](Order& o) { o.kind = TransferKind::fee; }) == exists_with_different_kind);
  CHECK(with([](Order& o) { o.account = account(2); }) == exists_with_different_account);
  CHECK(with([](Order& o) { o.amount = nanos(101); }) == exists_with_different_amount);
  CHECK(with([](Order& o) { o.note = "invoice 8"; }) == exists_with_different_note);
  CHECK(with([](Order& o) { o.terms->kind = GrantKind::promotional; }) == exists_with_different_terms);
  CHECK(with([](Order& o) { o.terms->priority = 1; }) == exists_with_different_terms);
  CHECK(with([](Order& o) { o.terms->expires = {9'000}; }) == exists_with_different_terms);
  CHECK(with([](Order& o) { o.terms->effective = base::WallTime{7'000}; }) == exists_with_different_terms);
  REQUIRE(books.charge(1, nanos(20), nanos(20)));
  REQUIRE(books.charge(2, nanos(20), nanos(20)));
  REQUIRE(books.order(about(5, TransferKind::refund, exchange(1).uuid, 3)).status == posted);
  CHECK(books.order(about(5, TransferKind::refund, exchange(1).uuid, 3)).status == exists);
  CHECK(books.order(about(5, TransferKind::refund, exchange(2).uuid, 3)).status == exists_with_different_subject);
  CHECK_FALSE(is_conflict(exists));
  CHECK_FALSE(is_conflict(amount_not_positive));
}

TEST_CASE("a charge is one posting for each grant it touched, and the markup is one of its own") {
  Books books;
  books.order(put_in(1, 30, {.priority = 1, .effective = {}, .fee = {}}));
  books.order(put_in(2, 100, paid));
  REQUIRE(books.charge(1, nanos(40), nanos(44)));
  const std::string spender = book::account(account(1));
  CHECK(books.transfers.back().postings == std::vector<Posting>{{spender, "provider:openai", nanos(40)},
                                                                {book::grant(grant(1)), spender, nanos(30)},
                                                                {book::grant(grant(2)), spender, nanos(14)},
                                                                {spender, "revenue", nanos(4)}});
  CHECK(held(books, spender) == 0);
  CHECK(held(books, book::revenue) == 4);
  books.audit();
}

TEST_CASE("a refund unwinds the recorded order, and what comes back to an expired grant is posted as expired") {
  Books books;
  books.order(put_in(1, 30, {.priority = 1, .effective = {}, .expires = {2'000}, .fee = {}}));
  books.order(put_in(2, 100, paid));
  REQUIRE(books.charge(1, nanos(44), nanos(44)));
  books.now = {2'000};
  CHECK(books.order(about(5, TransferKind::refund, exchange(1).uuid, 20)).status == posted);
  CHECK(books.state(grant(2)).available() == nanos(100));
  CHECK(books.state(grant(1)).available() == nanos(0));
  CHECK(held(books, book::expired) == 6);
  CHECK(held(books, book::revenue) == -20);
  CHECK(books.order(about(6, TransferKind::refund, exchange(1).uuid, 25)).status == exceeds_charge);
  CHECK(books.order(about(6, TransferKind::refund, exchange(1).uuid, 24)).status == posted);
  books.audit();
}

TEST_CASE("a dispute takes a payment back, spent or not; what had expired of it does not become a debt") {
  Books books;
  books.order(put_in(1, 100, paid_until(2'000)));
  REQUIRE(books.charge(1, nanos(30), nanos(30)));
  SUBCASE("while it lasts the balance goes below zero") {
    CHECK(books.order(about(2, TransferKind::dispute, grant(1).uuid, 100)).status == posted);
    CHECK(books.state(grant(1)).available() == nanos(-30));
    CHECK_FALSE(books.charge(2, nanos(1), nanos(1)));
    // Another grant pays the debt before it pays for anything else.
    books.order(put_in(3, 50, paid));
    CHECK(debt_beside(books.book, grant(3)) == nanos(30));
    CHECK(books.order(about(4, TransferKind::fee, {}, 21)).status == exceeds_balance);
    const auto covered = cover(books.book, grant(3), books.now, std::ssize(books.transfers));
    REQUIRE(covered.has_value());
    books.write(*covered);
    CHECK(books.state(grant(1)).available() == nanos(0));
    CHECK(books.state(grant(3)).available() == nanos(20));
    CHECK_FALSE(cover(books.book, grant(3), books.now, 9).has_value());
  }
  SUBCASE("after it has expired") {
    books.now = {2'000};
    books.sweep_now();
    CHECK(held(books, book::expired) == 70);
    CHECK(books.order(about(2, TransferKind::dispute, grant(1).uuid, 60)).status == posted);
    CHECK(books.state(grant(1)).available() == nanos(0));
    CHECK(books.order(about(3, TransferKind::dispute, grant(1).uuid, 41)).status == exceeds_payment);
    CHECK(books.order(about(3, TransferKind::dispute, grant(1).uuid, 40)).status == posted);
    CHECK(books.state(grant(1)).available() == nanos(-30));
    CHECK(held(books, book::expired) == 0);
  }
  CHECK(held(books, book::deposits) <= 0);
  books.audit();
}

TEST_CASE("what is reserved when a grant ends follows when it comes back") {
  Books books;
  books.order(put_in(1, 100, paid));
  books.order(put_in(2, 100, {.effective = {}, .expires = {2'000}, .fee = {}}));
  for (const int number : {1, 2}) books.state(grant(number)).leased = nanos(40);
  CHECK(books.order(about(3, TransferKind::void_grant, grant(1).uuid, 0)).status == posted);
  books.now = {2'000};
  books.sweep_now();
  CHECK(held(books, book::deposits) == -40);
  CHECK(held(books, book::expired) == 60);
  for (const int number : {1, 2}) books.state(grant(number)).leased = nanos(0);
  books.sweep_now();
  books.sweep_now();
  CHECK(held(books, book::deposits) == 0);
  CHECK(held(books, book::expired) == 100);
  books.audit();
}

// Lives of an account, order by order. The auditor knows only postings, and what an order may do to the whole.
TEST_CASE("after any orders the postings say what is kept beside them, and nothing is admitted beyond the balance") {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    tests::SeededRandom random(seed);
    const auto below = [&](int end) {
      std::uint32_t drawn = 0;
      random.fill(std::as_writable_bytes(std::span(&drawn, 1)));
      return static_cast<int>(drawn % static_cast<std::uint32_t>(end));
    };
    Books books;
    int grants = 0;
    for (int step = 1; step <= 60; ++step) {
      books.now.ms += below(300);
      const auto sums = books.balances();
      const base::Uuid some_grant = grant(1 + below(grants + 1)).uuid;
      const base::Uuid some_exchange = exchange(1 + below(step)).uuid;
      switch (below(8)) {
        case 0:
        case 1: {
          Terms terms{.kind = below(2) == 0 ? GrantKind::paid : GrantKind::promotional,
                      .priority = below(3),
                      .effective = {},
                      .expires = below(3) == 0 ? base::far_future : base::WallTime{books.now.ms + 1 + below(4'000)},
                      .fee = {below(2'000)}};
          Order order = put_in(step, 1 + below(200), terms);
          order.opens = grant(grants + 1);
          if (books.order(order).status == posted) ++grants;
          break;
        }
        case 2: (void)books.order(about(step, TransferKind::refund, some_exchange, 1 + below(40))); break;
        case 3: (void)books.order(about(step, TransferKind::dispute, some_grant, 1 + below(150))); break;
        case 4: (void)books.order(about(step, TransferKind::void_grant, some_grant, 0)); break;
        case 5: (void)books.order(about(step, TransferKind::fee, {}, 1 + below(30))); break;
        case 6: books.sweep_now(); break;
        default: {
          const int cost = below(60);
          std::int64_t usable = 0;
          for (const GrantState& one : books.book)
            if (one.grant.usable_at(books.now)) usable += std::max<std::int64_t>(0, one.available().nanos());
          const auto spent = base::with_share(nanos(cost), {below(3'000)});
          CHECK(books.charge(step, nanos(cost), spent) == (spent.nanos() <= usable));
        }
      }
      books.audit();
      // Nothing but use and disputes takes a grant below zero.
      for (const GrantState& one : books.book) CHECK(one.available() >= nanos(0) - one.disputed);
      // What was earned, is owed, was given or has ended is what was put in.
      CHECK(books.balances()[std::string(book::fees)] >= 0);
      CHECK(books.balances()[std::string(book::expired)] >= 0);
      CHECK(books.balances()[book::account(account(1))] == 0);
    }
  }
}
