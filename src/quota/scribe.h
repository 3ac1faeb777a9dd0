#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>

#include "journal/records.h"
#include "journal/writer.h"
#include "quota/reservation.h"
#include "quota/store.h"

namespace quota {

// Writes what one worker has reserved, and how it ended, into that worker's journal. On the worker's thread only.
//
// The order is the proof (money-rules.md, "Journal order"): money is taken, then written here, then the call leaves;
// the end is written here, then what is left goes back.
class Scribe {
 public:
  Scribe(journal::Writer& writer, std::uint32_t worker) : writer_(writer), worker_(worker) {}
  Scribe(const Scribe&) = delete;
  Scribe& operator=(const Scribe&) = delete;

  // Before the call leaves. Fails closed: unavailable if the journal has no room or has failed.
  base::Result<journal::OpenRecord> reserve(const events::UsageRecord& record, const Reservation::Parts& parts);
  // The same reservation with more parts, while it is open. Fails likewise; then it stands there as it was.
  base::Status extend(journal::OpenRecord& open, const events::UsageRecord& record, const Reservation::Parts& parts);
  // Whether what was written up to there survives a power loss, where that was asked for.
  bool durable(journal::Position position) const { return writer_.durable(position); }
  // Calls `ready` on this thread when it does, or with why it never will.
  void when_durable(journal::Position position, std::function<void(base::Status)> ready) {
    writer_.when_durable(position, std::move(ready));
  }
  // The record as it will be flushed; a served model that is too long is cut. Cannot fail.
  JournalMark settle(journal::OpenRecord open, events::UsageRecord& record);

 private:
  journal::Writer& writer_;
  const std::uint32_t worker_;
  journal::PayloadBuffer buffer_;
};

}  // namespace quota
