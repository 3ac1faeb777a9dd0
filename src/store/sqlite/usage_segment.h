#pragma once

#include <fmt/format.h>

#include "base/result.h"
#include "store/sqlite/database.h"
#include "store/usage_codec.h"

namespace store::sqlite {

// Opens a segment for `read(SegmentReader&)`, which gives a Status. What is wrong with the segment is an error that
// names it.
template <class Read>
base::Status read_segment(Database& database, std::int64_t number, Read read) {
  const auto opened_and_read = [&]() -> base::Status {
    TRY(auto rows, database.query("SELECT records FROM usage_records WHERE segment = ?", number));
    TRY(const bool found, rows.next());
    TRY(auto segment, SegmentReader::open(found ? rows.borrow_blob() : std::string_view()));
    return read(segment);
  };
  base::Status status = opened_and_read();
  if (!status) return base::fail(std::move(status).error().in(fmt::format("usage segment {}", number)));
  return {};
}

}  // namespace store::sqlite
