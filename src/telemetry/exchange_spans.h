#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "telemetry/exchange_trace.h"
#include "telemetry/span.h"

namespace telemetry {

// The spans of an exchange that has ended: one of kind SERVER for itself, and below it one of kind CLIENT for each
// upstream that was tried, in their order.
//
// Their names, attributes and status follow OpenTelemetry's conventions for HTTP (open-telemetry/semantic-conventions
// v1.45.0, docs/http/http-spans.md), errors (docs/general/recording-errors.md) and inferences by a client
// (open-telemetry/semantic-conventions-genai v0.1.0, docs/gen-ai/client-inference.md,
// docs/registry/attributes/gen-ai.md); what is ours is metergate.*. Two things are otherwise, on purpose: there is no
// url.path, for paths hold keys and limiters' codes; and tokens are on the last CLIENT span alone, so that who adds
// them up counts them once.
//
// `scheme`: "http" or "https", as clients call.
std::vector<Span> spans_of(const ExchangeTrace& exchange, std::string_view scheme);

// gen_ai.operation.name of an endpoint (meter::Endpoint::name): a well-known value, or the endpoint's own name.
std::string_view operation_of(std::string_view endpoint);
// gen_ai.provider.name of a provider as meter::providers() has it.
std::string_view provider_name_of(std::string_view provider);

}  // namespace telemetry
