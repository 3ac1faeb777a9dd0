#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "base/money.h"
#include "catalog/limit.h"
#include "events/usage_record.h"
#include "journal/writer.h"
#include "meter/usage.h"
#include "quota/lease.h"
#include "quota/store.h"

namespace quota {

// What an exchange takes or took, in every unit that a limit may count.
struct Amounts {
  base::Money usd = {};  // what the provider bills
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t requests = 0;
  base::Money charge = {};  // what a balance is charged for it: the cost and the markup (charge_of)
  // What one call takes of named units; of others it takes nothing. The names live as long as the configuration.
  struct Weight {
    std::string_view unit;
    std::int64_t weight = 0;
    bool operator==(const Weight&) const = default;
  };
  std::vector<Weight> weights = {};
  // The provider certainly bills nothing for it: it is a request all the same, but takes nothing of named units.
  bool unbilled = false;

  // What a limit counts of it.
  std::int64_t in(const catalog::Unit& unit) const;
  std::int64_t in(catalog::LimitUnit unit) const;  // that is not named
  bool operator==(const Amounts&) const = default;
};

// A finished exchange, and where its end stands in its worker's journal; a refusal has none.
struct Settled {
  // NOLINTNEXTLINE(google-explicit-constructor): a record alone is a finished exchange without a journal
  Settled(std::unique_ptr<events::UsageRecord> of, JournalMark at = {}) : record(std::move(of)), mark(at) {}
  std::unique_ptr<events::UsageRecord> record;
  JournalMark mark;
};

// Where finished exchanges go: the worker's queue to the keeper.
class SettleQueue {
 public:
  virtual ~SettleQueue() = default;
  virtual void push(Settled settled) = 0;
};

class Scribe;

// The receipt for money taken off every limit that applies to one exchange. Move-only, one owner, ends exactly once:
//
//   settle     the true cost is known; the rest goes back
//   release    nothing was sent, or nothing is owed; everything goes back
//   destroyed  before mark_sent: released. After it: stays held as unresolved, because the provider may bill us
//
// Each end pushes the usage record; it is filled in on the way through record().
class [[nodiscard]] Reservation {
 public:
  struct Part {
    std::shared_ptr<Lease> lease;
    catalog::LimitUnit unit = catalog::LimitUnit::usd;
    std::int64_t amount = 0;
    std::optional<base::WindowLabel> sub_window = std::nullopt;  // Lease::sub_window of the admission's stamp
    bool of_balance = false;  // a slice of a balance's grant: these come last, in burn order
    std::int64_t weight = 0;  // of a named unit: what the call takes of it, if it is billed
  };
  using Parts = boost::container::small_vector<Part, 5>;

  // What an exchange holds of a limit that comes into force while it waits for its reservation: to be joined to that,
  // or else it goes back. Move-only, one owner.
  class [[nodiscard]] TakenOn {
   public:
    explicit TakenOn(Part part) : part_(std::move(part)) { part_.lease->take_on(part_.amount); }
    TakenOn(TakenOn&&) noexcept = default;
    TakenOn& operator=(TakenOn&&) = delete;
    ~TakenOn() {
      if (part_.lease != nullptr) part_.lease->take_off(part_.amount);
    }

   private:
    friend class Reservation;
    Part part_;
  };

  // More for a reservation that is open: of the counters that it holds, and of its balance's grants. To be joined to it
  // (extend), or else it goes back. Move-only, one owner; it leaves no record of its own.
  class [[nodiscard]] Extension {
   public:
    // The parts have been taken from their leases already.
    explicit Extension(Parts parts);
    Extension(Extension&& other) noexcept : parts_(std::move(other.parts_)) { other.parts_.clear(); }
    Extension& operator=(Extension&& other) noexcept {
      parts_.swap(other.parts_);  // what it held goes back with the other one
      return *this;
    }
    ~Extension();
    const Parts& parts() const { return parts_; }

   private:
    friend class Reservation;
    Parts parts_;
  };

  // The parts have been taken from their leases already.
  Reservation(SettleQueue& queue, std::unique_ptr<events::UsageRecord> record, Parts parts);
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;  // what it held before ends as if destroyed
  ~Reservation();

  // It stands in the journal from here on: its end is written there before anything goes back. On the scribe's thread.
  void entered(Scribe& scribe, journal::OpenRecord open);

  // Before it is entered, when it is known which windows it counts in: it waited, and may be of a later one than the
  // limit has opened in, where nobody has counted it. unavailable: then it is not to be sent. Of an earlier one the
  // limit does not miss it.
  base::Status join(TakenOn taken_on);
  // Takes on a limit that comes into force while it is open, also if it was sent. The journal has it when this returns;
  // if that has no room, nothing has changed: unavailable. Of a limit that it holds already, which was removed
  // meanwhile, it holds no more.
  base::Status take_on(Part part);
  // Holds more from here on, also if it was sent. The journal has it when this returns, so what it pays for may be
  // relayed then; if that has no room, nothing has changed and the extension went back: unavailable.
  base::Status extend(Extension more);

  // Where it stands in the journal; nullopt: in none.
  std::optional<journal::Position> journal_position() const;

  events::UsageRecord& record() { return *record_; }
  const Parts& parts() const { return parts_; }

  // The point of no free return: call before the first byte goes upstream.
  void mark_sent();
  // It is as if mark_sent had not been called: the system took not one byte of what was to be sent, or the upstream
  // refused definitely, so that nobody bills it.
  void mark_unsent();
  bool sent() const { return state_ == State::sent; }

  // Slices of a balance are burnt in their order, so that what goes back goes to the last first; a charge above all of
  // them is an overrun of the last.
  // Ends it. `exact`: books the amounts, returns the rest; more than was reserved is an overrun, taken from what is
  // free and else booked beyond. `at_least`: books the amounts, the rest of the reservation stays unresolved.
  void settle(const Amounts& actual, meter::Certainty certainty) &&;
  // Ends it with nothing booked. Only for what is certainly not billed.
  void release() &&;

 private:
  enum class State : std::uint8_t { open, sent, ended };
  bool counts_on(const CounterKey& counter) const;
  void drop();
  void end(const Amounts& actual, meter::Certainty certainty);

  SettleQueue* queue_;
  std::unique_ptr<events::UsageRecord> record_;
  Parts parts_;
  Scribe* scribe_ = nullptr;  // set if it is entered
  std::optional<journal::OpenRecord> entry_;
  State state_ = State::open;
};

}  // namespace quota
