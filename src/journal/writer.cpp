#include "journal/writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace journal {
namespace {

// How many open reservations a reserve copies out of the oldest segment, if that is due. Two for one new one: so there
// is always less to copy.
constexpr int carried_at_once = 2;
// Reserve and extend leave this to the journal's own notes, which are what sets segments free.
constexpr std::size_t notes_margin = 8 * note_bytes;
// A segment may be one part open reservations to so many that are not: more, and copying them would not pay.
constexpr std::uint64_t sparse = 4;

std::span<const std::byte> bytes_of(const Note& note) { return std::as_bytes(std::span(&note, 1)); }

void store_word(std::byte* at, std::uint64_t word) { std::memcpy(at, &word, sizeof word); }

}  // namespace

Writer::Writer(const Options& options, Supply& supply, Committer* committer, std::function<void()> ask_prepare)
    : options_(options),
      supply_(supply),
      committer_(committer),
      ask_prepare_(std::move(ask_prepare)),
      limit_(options.segment_bytes - sealed_bytes) {
  slots_.reserve(1024);
  auto first = supply_.take();
  ASSERT(first.has_value());
  open_segment(std::move(*first));
}

base::Result<OpenRecord> Writer::reserve(std::span<const std::byte> payload, std::size_t settle_bytes_max) {
  const std::size_t room = record_bytes(settle_bytes_max);
  TRY_STATUS(make_room(record_bytes(payload.size()), room, kept_ + room));
  write_data(Kind::reserve, payload);
  kept_ += room;
  const std::uint32_t number = new_slot();
  slots_[number].room = static_cast<std::uint32_t>(room);
  move_in(slots_[number], number, payload.size());
  open_shown_.fetch_add(1, std::memory_order_relaxed);
  const Position written = position();
  tidy();
  return OpenRecord(*this, number, written);
}

base::Status Writer::extend(OpenRecord& open, std::span<const std::byte> payload, std::size_t settle_bytes_max) {
  Slot& slot = slot_of(open);
  const std::size_t room = record_bytes(settle_bytes_max);
  TRY_STATUS(make_room(record_bytes(payload.size()), room, kept_ - slot.room + room));
  write_data(Kind::extend, payload);
  kept_ = kept_ - slot.room + room;
  slot.room = static_cast<std::uint32_t>(room);
  move_out(slot);
  move_in(slot, open.slot_, payload.size());
  open.position_ = position();
  tidy();
  return {};
}

Sequence Writer::settle(OpenRecord open, std::span<const std::byte> payload) {
  Segment* const home = slot_of(open).home;
  end(std::move(open), Kind::settle, payload);
  // Until the settle is flushed, what it settles is still to be read beside it.
  home->needs_flush = segments_.back().needs_flush = last_;
  return last_;
}

void Writer::release(OpenRecord open, std::span<const std::byte> payload) {
  end(std::move(open), Kind::release, payload);
}

void Writer::end(OpenRecord open, Kind kind, std::span<const std::byte> payload) {
  Slot& slot = slot_of(open);
  const std::size_t record = record_bytes(payload.size());
  ASSERT(record <= slot.room);
  if (record > room_here()) roll_over();
  write_data(kind, payload);
  kept_ -= slot.room;
  move_out(slot);
  slot = Slot{.next = free_slot_};
  free_slot_ = open.slot_;
  open_shown_.fetch_sub(1, std::memory_order_relaxed);
}

// Room for one record here, such that `kept` bytes stay sure for the ends of what is open then.
base::Status Writer::make_room(std::size_t record, std::size_t end, std::size_t kept) {
  if (committer_ != nullptr && committer_->failed()) return base::fail(committer_->failure());
  if (std::max(record, end) > options_.record_bytes_max)
    return base::fail(base::ErrorType::invalid_request,
                      fmt::format("this call needs a record of {} bytes in the journal, which takes {} at most: too "
                                  "many limits, or too long a name",
                                  std::max(record, end), options_.record_bytes_max));
  const bool note_due = store_commit_.load(std::memory_order_relaxed) != noted_commit_;
  if (note_due) record += note_bytes;
  while (!fits(record, kept, notes_margin)) {
    auto taken = take_ready();
    if (taken) continue;
    tidy();  // what was flushed meanwhile makes room
    return taken;
  }
  if (record > room_here()) {
    roll_over();  // begins with a note
  } else if (note_due) {
    write_note();
  }
  return {};
}

// Whether a record can be written such that `kept` bytes stay sure. An end that does not fit where it would come next
// goes into the next segment, and what it leaves empty is less than it is itself: so of every segment all but the size
// of the largest record is sure.
bool Writer::fits(std::size_t record, std::size_t kept, std::size_t margin) const {
  const std::size_t fresh = limit_ - records_at - note_bytes;
  const std::size_t unsure = options_.record_bytes_max + margin;
  std::size_t room = room_here();
  std::size_t untouched = standby_.size();
  if (record > room) {
    if (untouched == 0) return false;
    --untouched;
    room = fresh;
  }
  room -= record;
  return kept <= (room > unsure ? room - unsure : 0) + untouched * (fresh - unsure);
}

base::Status Writer::take_ready() {
  if (segments_.size() + standby_.size() >= options_.segments_max)
    return base::fail(base::ErrorType::unavailable,
                      fmt::format("the journal is full: {} segments hold what is open or not in the store yet",
                                  segments_.size() + standby_.size()),
                      {}, base::Source::store);
  auto ready = supply_.take();
  ask_prepare_();
  if (ready) {
    standby_.push_back(std::move(*ready));
    return {};
  }
  const std::string shortage = supply_.shortage();
  return base::fail(
      base::ErrorType::unavailable,
      shortage.empty() ? "the journal has no segment ready yet" : fmt::format("the journal has no room: {}", shortage),
      {}, base::Source::store);
}

// The first word goes last. Whatever instruction a process is killed at, what ends in a zero word is whole.
void Writer::write(Kind kind, Sequence sequence, std::span<const std::byte> payload) {
  const Segment& segment = segments_.back();
  const std::size_t size = record_header_bytes + payload.size();
  const std::size_t next = head_ + record_bytes(payload.size());
  ASSERT(next <= segment.memory.size());
  std::byte* const at = segment.memory.data() + head_;
  if (next < segment.memory.size()) store_word(segment.memory.data() + next, 0);
  const std::uint64_t tag = tag_of(kind, sequence);
  store_word(at + sizeof(std::uint64_t), tag);
  if (!payload.empty()) std::memcpy(at + record_header_bytes, payload.data(), payload.size());
  const std::uint64_t first = std::uint64_t{size} << 32 | record_checksum(segment.prepared.seed, tag, payload);
  std::atomic_ref(*reinterpret_cast<std::uint64_t*>(at)).store(first, std::memory_order_release);
  head_ = next;
  if (committer_ != nullptr) committer_->publish(position());
}

void Writer::write_data(Kind kind, std::span<const std::byte> payload) {
  write(kind, ++last_, payload);
  last_shown_.store(last_, std::memory_order_relaxed);
}

void Writer::write_note() {
  noted_commit_ = store_commit_.load(std::memory_order_relaxed);
  const Note note{.store_commit = noted_commit_,
                  .flushed = flushed_.load(std::memory_order_relaxed),
                  .oldest_segment = segments_.front().prepared.number};
  write(Kind::note, last_, bytes_of(note));
}

// From here on records go into the next segment. There is one: room was made, or is kept.
void Writer::roll_over() {
  ASSERT(!standby_.empty());
  write(Kind::sealed, last_, {});
  Segment& segment = segments_.back();
  segment.sealed = true;
  if (committer_ != nullptr) committer_->seal(segment.prepared.number, static_cast<std::uint32_t>(head_));
  PreparedSegment next = std::move(standby_.front());
  standby_.pop_front();
  open_segment(std::move(next));
}

void Writer::open_segment(PreparedSegment prepared) {
  Segment& segment = segments_.emplace_back();
  segment.memory = prepared.file->memory();
  segment.prepared = std::move(prepared);
  head_ = records_at;
  if (committer_ != nullptr) committer_->begin(segment.prepared.number, *segment.prepared.file);
  write_note();
  segments_shown_.store(static_cast<std::uint32_t>(segments_.size()), std::memory_order_relaxed);
}

Writer::Slot& Writer::slot_of(const OpenRecord& open) {
  ASSERT(open.writer_ == this);
  Slot& slot = slots_[open.slot_];
  ASSERT(slot.home != nullptr);
  return slot;
}

std::uint32_t Writer::new_slot() {
  const std::uint32_t number = free_slot_;
  if (number == nobody) {
    slots_.emplace_back();
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }
  free_slot_ = slots_[number].next;
  return number;
}

// The record that was written last is this reservation's.
void Writer::move_in(Slot& slot, std::uint32_t number, std::size_t payload_bytes) {
  Segment& home = segments_.back();
  slot.home = &home;
  slot.offset = static_cast<std::uint32_t>(head_ - record_bytes(payload_bytes));
  slot.payload_bytes = static_cast<std::uint32_t>(payload_bytes);
  slot.previous = nobody;
  slot.next = home.open;
  if (home.open != nobody) slots_[home.open].previous = number;
  home.open = number;
  open_bytes_ += record_bytes(payload_bytes);
}

void Writer::move_out(Slot& slot) {
  (slot.previous == nobody ? slot.home->open : slots_[slot.previous].next) = slot.next;
  if (slot.next != nobody) slots_[slot.next].previous = slot.previous;
  open_bytes_ -= record_bytes(slot.payload_bytes);
}

void Writer::tidy() {
  if (segments_.size() > 1) {
    reclaim();
    carry();
  }
  for (; !leaving_.empty() && durable(leaving_.front().after); leaving_.pop_front()) {
    supply_.give_back(std::move(leaving_.front().file));
    ask_prepare_();
  }
}

// Oldest first, so that of a journal nothing is ever missing between two segments. A note says which are left before
// the files of the others are used again.
void Writer::reclaim() {
  const auto needed = std::ranges::find_if(segments_, [&](const Segment& segment) {
    return !segment.sealed || segment.open != nobody || !flushed(segment);
  });
  const auto count = needed - segments_.begin();
  if (count == 0 || !fits(note_bytes, kept_, 0)) return;
  for (auto left = count; left > 0; --left, segments_.pop_front())
    leaving_.push_back({.file = std::move(segments_.front().prepared.file), .after = {}});
  if (note_bytes > room_here()) {
    roll_over();
  } else {
    write_note();
  }
  for (auto left = leaving_.end() - count; left != leaving_.end(); ++left) left->after = position();
  segments_shown_.store(static_cast<std::uint32_t>(segments_.size()), std::memory_order_relaxed);
}

// A stream of hours does not keep a segment of hours ago from being used again: what is open there is copied here.
void Writer::carry() {
  if (segments_.size() <= options_.carry_above + sparse * open_bytes_ / options_.segment_bytes) return;
  Segment& oldest = segments_.front();
  for (int i = 0; i < carried_at_once && oldest.open != nobody && flushed(oldest); ++i) {
    const std::uint32_t number = oldest.open;
    Slot& slot = slots_[number];
    const std::size_t record = record_bytes(slot.payload_bytes);
    if (!fits(record, kept_, notes_margin)) return;
    if (record > room_here()) roll_over();
    write_data(Kind::carried, oldest.memory.subspan(slot.offset + record_header_bytes, slot.payload_bytes));
    move_out(slot);
    move_in(slot, number, slot.payload_bytes);
  }
}

void Writer::flushed_through(Sequence settled) {
  ASSERT(settled >= flushed_.load(std::memory_order_relaxed));
  flushed_.store(settled, std::memory_order_release);
}

void Writer::note_store_commit(std::uint64_t commit) { store_commit_.store(commit, std::memory_order_relaxed); }

void Writer::when_durable(Position position, std::function<void(base::Status)> ready) {
  ASSERT(committer_ != nullptr);
  waiting_.push_back({position, std::move(ready)});
  committer_->ask();
}

void Writer::resume() {
  while (!waiting_.empty()) {
    const bool is_durable = durable(waiting_.front().position);
    if (!is_durable && !committer_->failed()) return;
    const auto ready = std::move(waiting_.front().ready);
    waiting_.pop_front();
    ready(is_durable ? base::Status() : base::fail(committer_->failure()));
  }
}

Writer::Health Writer::health() const {
  return {.segments = segments_shown_.load(std::memory_order_relaxed),
          .ready = static_cast<std::uint32_t>(supply_.ready()),
          .open = open_shown_.load(std::memory_order_relaxed),
          .last = last_shown_.load(std::memory_order_relaxed),
          .flushed = flushed_.load(std::memory_order_relaxed),
          .failure = committer_ != nullptr && committer_->failed() ? committer_->failure().message : std::string()};
}

}  // namespace journal
