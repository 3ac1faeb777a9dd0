#include "meter/book_provider.h"

#include <algorithm>
#include <array>
#include <utility>

namespace meter {

std::string_view book_provider(std::string_view provider) noexcept {
  constexpr auto names =
      std::to_array<std::pair<std::string_view, std::string_view>>({{"openai", "openai"},
                                                                    {"azure_openai", "azure"},
                                                                    {"anthropic", "anthropic"},
                                                                    {"gemini", "gemini"},
                                                                    {"vertex", "vertex_ai"},
                                                                    {"groq", "groq"},
                                                                    {"mistral", "mistral"},
                                                                    {"deepseek", "deepseek"},
                                                                    {"xai", "xai"},
                                                                    {"openrouter", "openrouter"},
                                                                    {"together", "together_ai"},
                                                                    {"cohere", "cohere"},
                                                                    {"perplexity", "perplexity"},
                                                                    {"cerebras", "cerebras"},
                                                                    {"moonshotai", "moonshot"},
                                                                    {"bedrock", "bedrock"},
                                                                    {"bedrock_mantle", "bedrock_mantle"},
                                                                    {"voyage", "voyage"},
                                                                    {"zai", "zai"},
                                                                    {"alibaba", "dashscope"},
                                                                    {"watsonx", "watsonx"},
                                                                    {"snowflake", "snowflake"},
                                                                    {"crusoe", "crusoe"},
                                                                    {"replicate", "replicate"},
                                                                    {"heroku", "heroku"}});
  const auto found = std::ranges::find(names, provider, [](const auto& name) { return name.first; });
  return found == names.end() ? std::string_view() : found->second;
}

}  // namespace meter
