#pragma once
// What a stream ends with that is cut here, or that broke off at the upstream.

#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/reply.h"
#include "meter/dialect.h"
#include "meter/stream_framing.h"

namespace gateway {

// What the client has of a stream: whole events alone, for whatever follows half an event is read as its rest.
struct SentStream {
  meter::Framing framing = meter::Framing::unknown;  // as StreamScan::framing() says
  std::int64_t events = 0;                           // that went to the client
  bool cut = false;                                  // by us; else the upstream broke off
};

// The bytes that end the stream so that the vendor's own client raises an error that names the reason (Cohere's and
// that of Gemini's interactions hand it over as an event), and none of its parser: an error event of the dialect, in
// its framing, and what closes that. Nothing follows them. Where the stream has said already that it is over (OpenAI's
// [DONE], the bracket of Gemini's array), nothing is to be said any more.
std::string stream_end(const Failure& failure, std::string_view request_id, const meter::Endpoint& endpoint,
                       const SentStream& sent);

}  // namespace gateway
