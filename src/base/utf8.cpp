#include "base/utf8.h"

#include <simdjson.h>

#include <boost/nowide/utf/convert.hpp>

namespace base {

std::string valid_utf8(std::string text) {
  if (simdjson::validate_utf8(text)) return text;
  return boost::nowide::utf::convert_string<char>(text.data(), text.data() + text.size());
}

}  // namespace base
