#pragma once
// The files of OpenAI's batches: the requests that one is made of, a line each, and the results that it writes
// (openai-python: types/batch_create_params.py; API reference, "The request input object" and "output object").

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "meter/dialect.h"
#include "meter/reply.h"
#include "meter/request.h"

namespace meter {

struct BatchFile {
  std::string url;    // of every line: "/v1/chat/completions"
  std::string model;  // of every line
  std::int64_t lines = 0;
};

// OpenAI's own bound.
inline constexpr std::int64_t most_batch_lines = 50'000;

// Reads each line as the request that it is, and gives it to `each`, to be served in a batch. invalid_request, naming
// the line: what is no such line, or another url or model than the first line's; what read_request refuses; and what
// the sum of a batch's usage does not show, because it is billed beside tokens or at a price of its own: searches,
// audio, streams, tiers. What others may take for the end of a line is refused inside one.
base::Result<BatchFile> read_batch_file(std::string_view provider, std::string_view content,
                                        const std::function<base::Status(const Request&)>& each);

// The endpoint that a line of this url calls.
Endpoint batch_endpoint(std::string_view provider, std::string_view url);

// Reads the results while they pass.
class BatchResults {
 public:
  // `each`: called for every request that was served, with what its reply says.
  BatchResults(Dialect dialect, std::function<void(const Reply&)> each) : dialect_(dialect), each_(std::move(each)) {}

  void feed(std::string_view bytes);
  // At the body's end. False: a line was not understood, or does not say what it used.
  bool finish();

 private:
  void read_line();

  const Dialect dialect_;
  const std::function<void(const Reply&)> each_;
  std::string line_;  // that has begun
  bool understood_ = true;
};

}  // namespace meter
