#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "journal/committer.h"
#include "journal/format.h"
#include "journal/preparer.h"

namespace journal {

class Writer;

// The journal's receipt for a reservation that is open. Move-only. To drop it ends nothing: the reservation stays open
// in the journal, keeps its segment from being used again, and is unresolved when the process has gone.
class [[nodiscard]] OpenRecord {
 public:
  OpenRecord(OpenRecord&& other) noexcept
      : writer_(std::exchange(other.writer_, nullptr)), slot_(other.slot_), position_(other.position_) {}
  OpenRecord& operator=(OpenRecord&& other) noexcept {
    writer_ = std::exchange(other.writer_, nullptr);
    slot_ = other.slot_;
    position_ = other.position_;
    return *this;
  }
  // Durability::power: the call may leave when the journal is durable up to here (Writer::durable).
  Position position() const { return position_; }

 private:
  friend class Writer;
  OpenRecord(Writer& writer, std::uint32_t slot, Position position)
      : writer_(&writer), slot_(slot), position_(position) {}

  Writer* writer_;
  std::uint32_t slot_;
  Position position_;
};

// One worker's journal. To be used on that worker's thread; what other threads may call says so. Appending makes no
// system call, and takes no lock but where a segment begins or is given back.
//
// Always: room is kept for the end of every open reservation, so that settle and release cannot fail; a segment is used
// again only when all that was settled in it or reserved in it is flushed, and nothing reserved in it is open.
class Writer {
 public:
  // `supply` has at least one segment. `committer`: for Durability::power, else nullptr. `ask_prepare` is called on the
  // worker's thread when the supply runs low. All of them outlive the writer.
  Writer(const Options& options, Supply& supply, Committer* committer, std::function<void()> ask_prepare);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Writes a reserve record, after the money was taken and before anything is sent. `settle_bytes_max` bounds the
  // payload of its end (settle_bytes_max in records.h). Fails closed: invalid_request if a record would be too large,
  // unavailable if there is no room or the journal has failed.
  base::Result<OpenRecord> reserve(std::span<const std::byte> payload, std::size_t settle_bytes_max);
  // The same reservation with more on it, before that is relied on: `payload` is the whole reservation as it stands
  // now. Fails as reserve does; then the reservation is as it was.
  base::Status extend(OpenRecord& open, std::span<const std::byte> payload, std::size_t settle_bytes_max);
  // Its end, before the rest is given back. `payload` within what reserve or the last extend was told. Cannot fail.
  // Returns the number that flushed_through is to be given when the store has it.
  Sequence settle(OpenRecord open, std::span<const std::byte> payload);
  // Its end where nothing left and nothing is to be recorded. Nothing to flush.
  void release(OpenRecord open, std::span<const std::byte> payload);

  // From any thread, in growing order: the store has every settle up to `settled`, in commits that survive a power
  // loss.
  void flushed_through(Sequence settled);
  // From any thread: the number of the store's last commit. The next reserve record is written after a note of it, and
  // whoever reads the journal learns what the store must have known (money-rules.md, "Restored store").
  void note_store_commit(std::uint64_t commit);

  // Whether what was written up to `position` survives a power loss. Always true of Durability::process, which does not
  // promise that.
  bool durable(Position position) const { return committer_ == nullptr || committer_->durable() >= position; }
  // Calls `ready` on this thread, from resume(), when `position` is durable or the journal has failed.
  void when_durable(Position position, std::function<void(base::Status)> ready);
  // Calls those who wait for what has become durable.
  void resume();

  // From any thread.
  struct Health {
    std::uint32_t segments = 0;  // in use
    std::uint32_t ready = 0;     // that wait for their first record
    std::uint32_t open = 0;      // reservations
    Sequence last = 0;
    Sequence flushed = 0;
    std::string failure;  // empty: writing through has not failed
  };
  Health health() const;

 private:
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

  struct Segment {
    PreparedSegment prepared;
    std::span<std::byte> memory;
    Sequence needs_flush = 0;     // of what was reserved or settled here, the last settle
    std::uint32_t open = nobody;  // the first of those whose record stands here
    bool sealed = false;
  };
  // An open reservation and where it is written.
  struct Slot {
    Segment* home = nullptr;
    std::uint32_t offset = 0;
    std::uint32_t payload_bytes = 0;
    std::uint32_t room = 0;  // kept for its end
    std::uint32_t previous = nobody, next = nobody;
  };
  struct Leaving {
    std::unique_ptr<SegmentFile> file;
    Position after;  // when this is durable
  };

  base::Status make_room(std::size_t record, std::size_t end, std::size_t kept);
  bool fits(std::size_t record, std::size_t kept, std::size_t margin) const;
  base::Status take_ready();
  std::size_t room_here() const { return limit_ - head_; }
  Position position() const {
    return Position::of(segments_.back().prepared.number, static_cast<std::uint32_t>(head_));
  }

  void write(Kind kind, Sequence sequence, std::span<const std::byte> payload);
  void write_data(Kind kind, std::span<const std::byte> payload);
  void write_note();
  void roll_over();
  void open_segment(PreparedSegment prepared);

  Slot& slot_of(const OpenRecord& open);
  std::uint32_t new_slot();
  void move_in(Slot& slot, std::uint32_t number, std::size_t payload_bytes);
  void move_out(Slot& slot);
  void end(OpenRecord open, Kind kind, std::span<const std::byte> payload);

  void tidy();
  void reclaim();
  void carry();
  bool flushed(const Segment& segment) const { return segment.needs_flush <= flushed_.load(std::memory_order_acquire); }

  const Options options_;
  Supply& supply_;
  Committer* const committer_;
  const std::function<void()> ask_prepare_;
  const std::size_t limit_;  // where data ends in every segment: what is left is for `sealed`

  std::deque<Segment> segments_;  // in use, the last one is written to
  std::deque<PreparedSegment> standby_;
  std::deque<Leaving> leaving_;
  std::size_t head_ = 0;  // where the next record of the last segment goes
  Sequence last_ = 0;
  std::size_t kept_ = 0;  // for the ends of all that is open
  std::uint64_t noted_commit_ = 0;

  std::vector<Slot> slots_;
  std::uint32_t free_slot_ = nobody;
  std::uint64_t open_bytes_ = 0;

  struct Waiting {
    Position position;
    std::function<void(base::Status)> ready;
  };
  std::deque<Waiting> waiting_;

  std::atomic<Sequence> flushed_ = 0;
  std::atomic<std::uint64_t> store_commit_ = 0;
  // For health(): what this thread has.
  std::atomic<Sequence> last_shown_ = 0;
  std::atomic<std::uint32_t> open_shown_ = 0;
  std::atomic<std::uint32_t> segments_shown_ = 0;
};

}  // namespace journal
