#include "tests/golden/recordings.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/json.h"

namespace golden {
namespace {

using base::Json;

std::string text_at(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  return value == nullptr ? std::string() : value->text();
}

std::optional<std::int64_t> count_at(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  if (value == nullptr) return std::nullopt;
  return std::stoll(value->text());
}

base::Result<Recording> read_recording(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  TRY(const Json document, Json::parse(text));
  const Json* request = document.find("request");
  const Json* response = document.find("response");
  const Json* expected = document.find("expected");
  const Json* stream = document.find("stream");
  if (request == nullptr || response == nullptr || expected == nullptr || stream == nullptr)
    return base::invalid("request, response, expected or stream is missing");

  Recording out;
  out.name = path.filename().string();
  out.provider = text_at(document, "provider");
  out.request_body = text_at(*request, "body");
  out.response_body = text_at(*response, "body");
  out.stream = stream->boolean();
  out.model = text_at(*expected, "model");
  out.service_tier = text_at(*expected, "service_tier");
  if (const Json* present = expected->find("usage_present"); present != nullptr && present->boolean()) {
    out.usage = meter::Usage{
        .input_tokens = count_at(*expected, "input_tokens"),
        .output_tokens = count_at(*expected, "output_tokens"),
        .cached_input_tokens = count_at(*expected, "cached_input_tokens"),
        .reasoning_tokens = count_at(*expected, "reasoning_tokens"),
        .audio_input_tokens = count_at(*expected, "audio_input_tokens"),
        .audio_output_tokens = count_at(*expected, "audio_output_tokens"),
        .cache_write_tokens = count_at(*expected, "cache_write_tokens"),
    };
  }
  return out;
}

}  // namespace

base::Result<std::vector<Recording>> read_recordings(const std::string& traffic) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(traffic) / "open", error))
    if (entry.path().filename().string().find("__chat.completions__") != std::string::npos)
      paths.push_back(entry.path());
  if (error) return base::invalid(fmt::format("{}/open: {}", traffic, error.message()));
  if (paths.empty()) return base::invalid(fmt::format("{}/open holds no chat.completions recording", traffic));
  std::ranges::sort(paths);

  std::vector<Recording> recordings;
  for (const auto& path : paths) {
    auto recording = read_recording(path);
    if (!recording) return base::fail(std::move(recording.error()).in(path.filename().string()));
    recordings.push_back(std::move(*recording));
  }
  return recordings;
}

}  // namespace golden
