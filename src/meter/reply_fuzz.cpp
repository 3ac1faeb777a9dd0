// However a body is cut, it is read the same, in every dialect; and no body breaks anything. The first byte chooses the
// dialect, the second the cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "meter/json_sieve.h"
#include "meter/reply_reader.h"

namespace {

meter::Reply read(meter::Dialect dialect, std::string_view body, std::size_t step) {
  meter::ReplyReader reader(dialect, {});
  for (std::size_t at = 0; at < body.size(); at += step) reader.feed(body.substr(at, step));
  return reader.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const auto dialect = static_cast<meter::Dialect>(bytes[0] % (static_cast<int>(meter::Dialect::none) + 1));
  const std::string_view body(reinterpret_cast<const char*>(bytes + 2), size - 2);
  const meter::Reply whole = read(dialect, body, std::max<std::size_t>(body.size(), 1));
  ASSERT(read(dialect, body, 1 + bytes[1] % 64) == whole);
  ASSERT(whole.unknown_fields.size() <= 8);
  return 0;
}
