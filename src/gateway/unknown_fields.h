#pragma once

#include <string_view>

#include "gateway/stats.h"
#include "meter/reply.h"

namespace gateway {

// Counts the figures of a reply's usage that nothing here knows how to bill, and logs each name once in the life of the
// process: the provider has something new, and its exchanges stay unresolved until it is known.
void note_unknown_fields(std::string_view provider, const meter::Reply& reply, Stats& stats);

}  // namespace gateway
