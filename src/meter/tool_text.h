#pragma once

#include <string>

#include "meter/json_document.h"

namespace meter {

// Writes a tool as OpenAI shows functions to its models: as a type of TypeScript (not published; read from how many
// tokens tools of many shapes cost, metering.md 3.3). What that rendering is not known to have is written as JSON,
// which is longer.
void write_tool(simdjson::dom::element tool, std::string& out);

}  // namespace meter
