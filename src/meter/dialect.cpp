#include "meter/dialect.h"

#include <algorithm>
#include <array>
#include <vector>

namespace meter {
namespace {

struct Host {
  std::string_view end;
  std::string_view provider;
};
// The first whose end is the host's, or all of it.
constexpr std::array hosts{
    Host{"api.openai.com", "openai"},
    Host{"openai.azure.com", "azure_openai"},
    Host{"cognitiveservices.azure.com", "azure_openai"},
    Host{"services.ai.azure.com", "azure_openai"},
    Host{"api.anthropic.com", "anthropic"},
    Host{"generativelanguage.googleapis.com", "gemini"},
    Host{"aiplatform.googleapis.com", "vertex"},
    Host{"api.groq.com", "groq"},
    Host{"api.mistral.ai", "mistral"},
    Host{"api.deepseek.com", "deepseek"},
    Host{"api.x.ai", "xai"},
    Host{"openrouter.ai", "openrouter"},
    Host{"api.together.ai", "together"},
    Host{"api.together.xyz", "together"},
    Host{"api.cohere.com", "cohere"},
    Host{"api.cohere.ai", "cohere"},
    Host{"api.perplexity.ai", "perplexity"},
    Host{"api.cerebras.ai", "cerebras"},
    Host{"api.moonshot.ai", "moonshotai"},
    Host{"api.moonshot.cn", "moonshotai"},
    Host{"api.z.ai", "zai"},
    Host{"aliyuncs.com", "alibaba"},
    Host{"router.huggingface.co", "huggingface"},
    Host{"huggingface.cloud", "huggingface"},
    Host{"api-inference.huggingface.co", "huggingface"},
    Host{"api.writer.com", "writer"},
    Host{"api.voyageai.com", "voyage"},
    Host{"api.aleph-alpha.com", "aleph_alpha"},
    Host{"api.replicate.com", "replicate"},
    Host{"api.portkey.ai", "portkey"},
    Host{"ml.cloud.ibm.com", "watsonx"},
    Host{"snowflakecomputing.com", "snowflake"},
    Host{"crusoecloud.com", "crusoe"},
    Host{"inference.heroku.com", "heroku"},
    Host{"ollama.com", "ollama"},
    Host{"api.aws", "bedrock_mantle"},
    Host{"amazonaws.com", "bedrock"},
};

// A path by its end. "*" stands for one segment, and a rule may be for one provider only; the first that fits counts.
struct PathRule {
  std::string_view end;
  std::string_view name;
  Dialect dialect;
  std::string_view provider = {};
};
constexpr std::array paths{
    PathRule{"/chat/completions", "chat.completions", Dialect::chat},  // first, for most calls are these
    PathRule{":countTokens", "countTokens", Dialect::token_count},
    PathRule{":generateContent", "generateContent", Dialect::gemini},
    PathRule{":streamGenerateContent", "streamGenerateContent", Dialect::gemini},
    PathRule{":embedContent", "embedContent", Dialect::embeddings},
    PathRule{":batchEmbedContents", "batchEmbedContents", Dialect::embeddings},
    PathRule{":predict", "predict", Dialect::embeddings},
    PathRule{":rawPredict", "rawPredict", Dialect::anthropic},
    PathRule{":streamRawPredict", "streamRawPredict", Dialect::anthropic},
    PathRule{"/interactions", "interactions", Dialect::interactions},
    PathRule{"/interactions/*", "interactions", Dialect::interactions},
    PathRule{"/model/*/converse", "converse", Dialect::converse},
    PathRule{"/model/*/converse-stream", "converse-stream", Dialect::converse},
    PathRule{"/model/*/invoke", "invoke", Dialect::invoke},
    PathRule{"/model/*/invoke-with-response-stream", "invoke-with-response-stream", Dialect::invoke},
    PathRule{"/model/*/count-tokens", "count-tokens", Dialect::token_count},
    PathRule{"/messages/count_tokens", "messages.count_tokens", Dialect::token_count},
    PathRule{"/threads/*/messages", "threads.messages", Dialect::none},
    PathRule{"/messages", "messages", Dialect::anthropic},
    PathRule{"/v1/complete", "complete", Dialect::none},
    PathRule{"/complete", "complete", Dialect::aleph_alpha},
    PathRule{"/completions", "completions", Dialect::chat},
    PathRule{"/v1/chat", "chat", Dialect::chat, "writer"},
    PathRule{"/api/chat", "chat", Dialect::ollama},
    PathRule{"/api/generate", "generate", Dialect::ollama},
    PathRule{"/api/embeddings", "embeddings", Dialect::ollama},
    PathRule{"/api/embed", "embed", Dialect::ollama},
    PathRule{"/v1/chat", "v1.chat", Dialect::cohere},
    PathRule{"/v2/chat", "v2.chat", Dialect::cohere},
    PathRule{"/v1/generate", "v1.generate", Dialect::cohere},
    PathRule{"/embed", "embed", Dialect::cohere},
    PathRule{"/rerank", "rerank", Dialect::cohere, "cohere"},
    PathRule{"/v2/rerank", "rerank", Dialect::cohere},
    PathRule{"/rerank", "rerank", Dialect::embeddings},
    PathRule{"/tokenize", "tokenize", Dialect::token_count},
    PathRule{"/embeddings", "embeddings", Dialect::embeddings},
    PathRule{"/moderations", "moderations", Dialect::none},
    PathRule{"/images/generations", "images.generations", Dialect::images},
    PathRule{"/images/edits", "images.edits", Dialect::images},
    PathRule{"/images/variations", "images.variations", Dialect::images},
    PathRule{"/audio/transcriptions", "audio.transcriptions", Dialect::audio},
    PathRule{"/audio/translations", "audio.translations", Dialect::audio},
    PathRule{"/audio/speech", "audio.speech", Dialect::none},
    PathRule{"/responses/input_tokens", "responses.input_tokens", Dialect::token_count},
    PathRule{"/responses/compact", "responses.compact", Dialect::responses},
    PathRule{"/responses/*/input_items", "responses.input_items", Dialect::none},
    PathRule{"/responses/*/cancel", "responses.cancel", Dialect::responses},
    PathRule{"/responses/*", "responses.get", Dialect::responses},
    PathRule{"/responses", "responses", Dialect::responses},
    PathRule{"/batches/*/cancel", "batches.cancel", Dialect::responses},
    PathRule{"/batches/*", "batches.get", Dialect::responses},
    PathRule{"/batches", "batches", Dialect::responses},
    PathRule{"/files/*/content", "files.content", Dialect::none},
    PathRule{"/files/*", "files.get", Dialect::none},
    PathRule{"/files", "files", Dialect::none},
    PathRule{"/threads/runs", "threads.runs", Dialect::runs},
    PathRule{"/threads/*/runs", "threads.runs", Dialect::runs},
    PathRule{"/threads/*/runs/*", "threads.runs.get", Dialect::runs},
    PathRule{"/generation/text", "text", Dialect::watsonx},
    PathRule{"/generation/text_stream", "text_stream", Dialect::watsonx},
    PathRule{"/predictions", "predictions", Dialect::replicate},
    PathRule{"/predictions/*", "predictions", Dialect::replicate},
    PathRule{"/generate", "tgi", Dialect::tgi},
    PathRule{"/generate_stream", "tgi", Dialect::tgi},
    PathRule{"", "tgi", Dialect::tgi, "huggingface"},
};

std::string_view last_segment(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// Whether `path` ends as the rule says.
bool ends_as(std::string_view path, std::string_view rule) {
  for (;;) {
    const std::size_t star = rule.rfind('*');
    if (star == std::string_view::npos) return path.ends_with(rule);
    const std::string_view behind = rule.substr(star + 1);
    if (!path.ends_with(behind)) return false;
    path.remove_suffix(behind.size());
    const std::string_view segment = last_segment(path);
    if (segment.empty()) return false;
    path.remove_suffix(segment.size());
    rule = rule.substr(0, star);
  }
}

// "%3A" as ":", and so on; what is no escape stays.
std::string unescaped(std::string_view text) {
  const auto digit = [](char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    const int letter = (byte | 0x20) - 'a';
    return letter >= 0 && letter < 6 ? letter + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = high >= 0 ? digit(text[i + 2]) : -1;
    out += low >= 0 ? static_cast<char>(high * 16 + low) : text[i];
    if (low >= 0) i += 2;
  }
  return out;
}

// The segment behind `before`, up to the next '/' or to the verb of a Google address.
std::string model_behind(std::string_view path, std::string_view before, bool verb) {
  if (path.find(before) == std::string_view::npos) return {};  // quick, and so for most
  const std::size_t found = path.rfind(before);
  std::string_view model = path.substr(found + before.size());
  model = verb ? model.substr(0, model.rfind(':')) : model.substr(0, model.find('/'));
  return unescaped(model);
}

std::string model_in(std::string_view path, Dialect dialect) {
  switch (dialect) {
    case Dialect::converse:
    case Dialect::invoke: return model_behind(path, "/model/", false);
    case Dialect::token_count: {
      std::string bedrock = model_behind(path, "/model/", false);
      return bedrock.empty() && path.ends_with(":countTokens") ? model_behind(path, "/models/", true) : bedrock;
    }
    case Dialect::gemini: return model_behind(path, "/models/", true);
    case Dialect::embeddings:
    case Dialect::anthropic:
      if (path.rfind(':') != std::string_view::npos) return model_behind(path, "/models/", true);
      return model_behind(path, "/deployments/", false);
    default: return model_behind(path, "/deployments/", false);
  }
}

}  // namespace

std::span<const std::string_view> providers() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> out;
    for (const Host& host : hosts)
      if (std::ranges::find(out, host.provider) == out.end()) out.push_back(host.provider);
    return out;
  }();
  return names;
}

std::string_view provider_of_host(std::string_view host) {
  host = host.substr(0, host.rfind(':'));
  const auto known = std::ranges::find_if(hosts, [&](const Host& entry) { return host.ends_with(entry.end); });
  return known == hosts.end() ? std::string_view() : known->provider;
}

Endpoint endpoint_at(std::string_view provider, std::string_view method, std::string_view path) {
  Endpoint endpoint{.provider = provider, .name = "unknown", .model = {}};
  path = path.substr(0, path.find('?'));
  path = path.substr(0, path.find('#'));
  while (path.ends_with('/')) path.remove_suffix(1);
  for (const PathRule& rule : paths) {
    // Nearly all rules differ from the path in its last byte.
    if (!rule.end.empty() && !path.empty() && rule.end.back() != '*' && rule.end.back() != path.back()) continue;
    if (!rule.provider.empty() && rule.provider != provider) continue;
    if (rule.end.empty() ? !path.empty() : !ends_as(path, rule.end)) continue;
    endpoint.name = rule.name;
    endpoint.pattern = rule.end;
    endpoint.dialect = rule.dialect;
    endpoint.model = model_in(path, rule.dialect);
    break;
  }
  // A list of runs, responses or batches is not one of them.
  if (method == "GET" &&
      (endpoint.name == "threads.runs" || endpoint.name == "responses" || endpoint.name == "batches"))
    endpoint.dialect = Dialect::none;
  return endpoint;
}

Endpoint endpoint_of(std::string_view method, std::string_view host, std::string_view path) {
  const std::string_view provider = provider_of_host(host);
  return endpoint_at(provider.empty() ? "unknown" : provider, method, path);
}

}  // namespace meter
