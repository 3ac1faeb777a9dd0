// Any bytes may come as a form and as its Content-Type, which the first byte tells apart. The parts of a form that is
// accepted lie in it, one behind the other, and hold no line that divides it; and a Content-Type that is believed names
// what the form begins with.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "meter/form_data.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(bytes + 1, bytes + size);
  const std::string_view all = text;
  const std::string_view content_type = all.substr(0, bytes[0]);
  const std::string_view body = all.substr(content_type.size());
  const std::string_view divider = body.substr(0, body.find("\r\n"));
  if (meter::is_form_of(content_type, body)) {
    ASSERT(divider.size() > 2 && divider.starts_with("--"));
    ASSERT(content_type.contains(divider.substr(2)));
  }
  const auto parts = meter::read_form(body);
  if (!parts) {
    ASSERT(parts.error().type == base::ErrorType::invalid_request);
    return 0;
  }
  const char* at = body.data();
  for (const meter::FormPart& part : *parts) {
    ASSERT(!part.name.empty() && part.name.find_first_of("\\%\"") == std::string_view::npos);
    ASSERT(part.name.data() > at && part.content.data() > part.name.data());
    ASSERT(!part.content.contains("\r\n" + std::string(divider)));
    at = part.content.data() + part.content.size();
    ASSERT(at < body.data() + body.size());
  }
  return 0;
}
