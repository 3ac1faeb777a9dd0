#pragma once
// The requests of OpenAI's chat/completions, for those who know no other dialect.

#include <string_view>

#include "meter/request_edit.h"
#include "meter/request_reader.h"

namespace meter {

base::Result<Request> read_chat_request(std::string_view body);
base::Result<Request> read_copied_chat_request(std::string_view body);

}  // namespace meter
