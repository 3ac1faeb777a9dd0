#pragma once
// What works without a configuration: the providers whose variables are set, as their own clients read them, and a
// path for each.

#include <vector>

#include "app/config.h"
#include "app/finding.h"
#include "app/substitute.h"

namespace app {

// OPENAI_API_KEY and OPENAI_BASE_URL, ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL, GEMINI_API_KEY or GOOGLE_API_KEY,
// AZURE_OPENAI_ENDPOINT with AZURE_OPENAI_API_KEY, and AWS_REGION with AWS_BEARER_TOKEN_BEDROCK or with
// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
void add_environment_upstreams(const Environment& environment, Config& config, std::vector<Finding>& findings);

// The path at which clients of its provider find an upstream: /anthropic, /azure, /bedrock, /cohere, /gemini, /ollama
// and /vertex, behind which the provider's own whole path follows; /v1 for what speaks OpenAI's dialect. OpenAI itself
// is at /openai too.
void add_drop_in_routes(const catalog::Upstream& upstream, std::vector<catalog::Route>& into);

}  // namespace app
