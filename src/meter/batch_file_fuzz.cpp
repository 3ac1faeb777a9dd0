// Any bytes may come as a batch's file, and as its results. A file that is accepted has as many lines as it gave
// requests, of one model, and says the same without its empty lines; results say the same however they are cut. The
// first byte chooses which, and the cut.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "meter/batch_file.h"

namespace {

std::vector<meter::Request> requests_of(std::string_view content) {
  std::vector<meter::Request> requests;
  const auto file = meter::read_batch_file("openai", content, [&](const meter::Request& request) -> base::Status {
    requests.push_back(request);
    return {};
  });
  if (!file) {
    ASSERT(file.error().type == base::ErrorType::invalid_request);
    return {};
  }
  ASSERT(file->lines == std::ssize(requests) && file->lines > 0);
  for (const meter::Request& request : requests) {
    ASSERT(request.model == file->model);
    ASSERT(request.delivery == meter::Delivery::batch);
    ASSERT(request.input_bound > 0 && !request.stream && !request.background && request.web_searches == 0);
  }
  return requests;
}

void check_file(std::string_view content) {
  const auto requests = requests_of(content);
  if (requests.empty()) return;
  const auto again = requests_of("\n \r\n" + std::string(content) + "\n\n");
  ASSERT(again.size() == requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    ASSERT(again[i].input_bound == requests[i].input_bound);
    ASSERT(again[i].output_cap == requests[i].output_cap);
  }
}

struct Results {
  std::vector<meter::Reply> replies;
  bool understood = false;
};

// Cuts into pieces of 1 to `step` bytes; a step of 0 means one piece.
Results results_in(std::string_view content, std::size_t step) {
  Results out;
  meter::BatchResults results(meter::Dialect::chat, [&](const meter::Reply& reply) { out.replies.push_back(reply); });
  for (std::size_t at = 0, turn = 0; at < content.size(); ++turn) {
    const std::string_view piece = content.substr(at, step == 0 ? content.size() : 1 + turn % step);
    results.feed(piece);
    at += piece.size();
  }
  out.understood = results.finish();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string content(bytes + 1, bytes + size);
  if (bytes[0] < 128) {
    check_file(content);
    return 0;
  }
  const Results whole = results_in(content, 0);
  const Results cut = results_in(content, 1 + bytes[0] % 64);
  ASSERT(cut.understood == whole.understood);
  ASSERT(cut.replies == whole.replies);
  for (const meter::Reply& reply : whole.replies) ASSERT(reply.usage.has_value() || !whole.understood);
  return 0;
}
