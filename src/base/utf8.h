#pragma once
// Text of JSON is UTF-8 (RFC 8259, 8.1). What an error quotes of a path, a header or a form need not be, and may be cut
// within a character.

#include <string>

namespace base {

// The text with U+FFFD in place of each sequence that is no UTF-8. Nothing else is lost, so that a text of JSON remains
// one. (What libraries offer, such as Boost.Nowide, takes the quotation mark behind a character that was cut with it.)
std::string valid_utf8(std::string text);

}  // namespace base
