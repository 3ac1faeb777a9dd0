#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"

namespace meter {

// One field of a multipart/form-data body; views into it.
struct FormPart {
  std::string_view name;
  std::string_view content;
};

// Reads a form (RFC 7578) by the boundary that its first line is. invalid_request: it is none, a part has no name or
// one that is escaped, or there are very many.
base::Result<std::vector<FormPart>> read_form(std::string_view body);

// Whether the first line, which read_form goes by, is the boundary that Content-Type names: else the upstream reads
// another form in the same body. False for what names two, or one that is escaped
// (also as RFC 2231 does it).
bool is_form_of(std::string_view content_type, std::string_view body);

}  // namespace meter
