#pragma once

#include <CLI/CLI.hpp>

#include "cli/session.h"

namespace cli {

// usage rerate: what recorded usage would have cost by another price book. It reads usage records and changes nothing.
void add_usage_rerate(CLI::App& usage, Session& session);

}  // namespace cli
