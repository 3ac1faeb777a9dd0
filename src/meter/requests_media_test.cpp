#include "meter/requests_test.h"

using meter::test::check;
using meter::test::read;
using meter::test::Row;

namespace {

Row image(std::string_view extra, std::string_view shown) {
  return {"api.openai.com/v1/images/generations", R"({"prompt":"p")" + std::string(extra) + "}", shown};
}

}  // namespace

TEST_CASE("images are billed by their number, their size and their quality") {
  for (const Row& row : {
           image(R"(,"model":"gpt-image-1")", "gpt-image-1 cap=6240 images=1"),
           image(R"(,"model":"gpt-image-1","n":3,"size":"1024x1536","quality":"low","partial_images":2)",
                 "gpt-image-1 cap=6440 choices=3 images=3"),
           image(R"(,"model":"dall-e-3")", "dall-e-3 cap=6240 images=1 standard 1024x1024"),
           image(R"(,"model":"dall-e-3","size":"1792x1024","quality":"hd")", "dall-e-3 cap=6240 images=1 hd 1792x1024"),
           image(R"(,"model":"gpt-image-1","size":"4096x4096")", "refused: size"),
           image(R"(,"model":"gpt-image-1.5-2025-12-16")", "gpt-image-1.5-2025-12-16 cap=6240 images=1"),
           image(R"(,"model":"gpt-image-2")", "refused: model"),
           image(R"(,"model":"chatgpt-image-latest")", "refused: model"),
           image(R"(,"model":"gpt-image-1","n":11)", "refused: n"),
           image(R"(,"model":"gpt-image-1","quality":"best")", "refused: quality"),
           image("", "refused: model"),
       })
    check(row);
}

TEST_CASE("speech is billed by the characters that are read") {
  check({"api.openai.com/v1/audio/speech", R"({"model":"tts-1","input":"aü€","voice":"alloy"})",
         "tts-1 cap=0 characters=3"});
  check({"api.openai.com/v1/audio/speech", R"({"model":"tts-1"})", "refused: input"});
}

namespace {

// A form with a model and a file.
std::string form(std::string_view file, std::string_view more = "") {
  return fmt::format(
      "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n{}--b\r\nContent-Disposition: "
      "form-data; "
      "name=\"file\"; filename=\"a\"\r\n\r\n{}\r\n--b--\r\n",
      more, file);
}

// One channel of 16 bits, 8,000 samples a second.
std::string wav(std::size_t bytes) {
  std::string head = "RIFF....WAVEfmt ";
  head.append("\x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\0\0\0\0\x02\0\x10\0", 20);
  return head + "data...." + std::string(bytes, 'x');
}

// Frames of 72 bytes and 72 ms: 8 kbit/s, 8,000 samples a second.
std::string mp3(int frames) {
  std::string out;
  for (int i = 0; i < frames; ++i) out += std::string("\xFF\xE3\x18\0", 4) + std::string(68, 'x');
  return out;
}

}  // namespace

TEST_CASE("audio lasts no longer than its bytes say, where they do") {
  constexpr std::string_view url = "api.openai.com/v1/audio/transcriptions";
  const std::string other_model = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ndear\r\n";
  for (const Row& row : {
           Row{url, form(wav(160'000)), "whisper-1 audio seconds=11"},
           Row{url, form(mp3(100)), "whisper-1 audio seconds=8"},
           Row{url, form(std::string("ID3\4\0\0\0\0\0\5tag..", 15) + mp3(100)), "whisper-1 audio seconds=8"},
           // What only begins as one may be another format behind it.
           Row{url, form(mp3(1) + "fLaC" + std::string(5000, 'x')), "refused: file"},
           Row{url, form(std::string("ID3\4\0\0\0\0\0\0", 10) + "fLaC" + std::string(5000, 'x')), "refused: file"},
           Row{url, form("OggS" + std::string(5000, 'x')), "refused: file"},
           Row{url, form(std::string("\xFF\xFB\0\0", 4) + std::string(5000, 'x')), "refused: file"},  // any rate at all
           Row{url, form(wav(9), other_model), "refused: model"},
           Row{url,
               form(wav(160'000).insert(
                   12, std::string("fmt \x10\0\0\0\x01\0\x01\0\xFF\xFF\xFF\0\0\0\0\0\x02\0\x10\0", 24))),
               "refused: file"},
           Row{url,
               form(wav(9),
                    "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n"
                    "Content-Disposition: form-data; name=\"x\"\r\n\r\ndear\r\n"),
               "refused: "},
           Row{url, "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b--\r\n",
               "refused: file"},
           Row{url, "no form", "refused: "},
           Row{url, "--b\r\n", "refused: "},
       })
    check(row);
  CHECK(read(url, form(wav(160'000)))->input_bound >= 110);
}

namespace {

std::string part_of(std::string_view name, std::string_view content) {
  return fmt::format("--b\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n", name, content);
}
std::string image_form(std::string_view model, std::string_view more = "") {
  return (model.empty() ? "" : part_of("model", model)) + part_of("image", "PNG") + std::string(more) + "--b--\r\n";
}

}  // namespace

TEST_CASE("images that are sent to be changed are bounded by their number, and by what comes back") {
  constexpr const char* edits = "api.openai.com/v1/images/edits";
  constexpr const char* variations = "api.openai.com/v1/images/variations";
  const std::string prompt = part_of("prompt", "a hat");
  for (const Row& row : {
           Row{edits, image_form("gpt-image-1", prompt), "gpt-image-1 cap=6240 image images=1"},
           Row{edits,
               image_form("gpt-image-1-mini", prompt + part_of("n", "3") + part_of("partial_images", "2") +
                                                  part_of("size", "1024x1536") + part_of("quality", "low") +
                                                  part_of("input_fidelity", "high")),
               "gpt-image-1-mini cap=6440 choices=3 image images=3"},
           Row{edits, image_form("dall-e-2", prompt + part_of("size", "256x256")),
               "dall-e-2 cap=6240 image images=1 256x256"},
           Row{edits, image_form("gpt-image-1"), "refused: prompt"},
           Row{edits, image_form("", prompt), "refused: model"},
           Row{edits, image_form("gpt-image-2", prompt), "refused: model"},
           Row{edits, image_form("dear", prompt), "refused: model"},
           Row{edits, image_form("gpt-image-1", prompt + part_of("size", "2048x2048")), "refused: size"},
           Row{edits, image_form("gpt-image-1", prompt + part_of("quality", "best")), "refused: quality"},
           Row{edits, image_form("gpt-image-1", prompt + part_of("n", "11")), "refused: n"},
           Row{edits, image_form("gpt-image-1", prompt + part_of("n", "1e1")), "refused: n"},
           Row{edits, image_form("gpt-image-1", prompt + part_of("n", "1") + part_of("n", "9")), "refused: n"},
           Row{edits, image_form("gpt-image-1", prompt + part_of("N", "9")), "refused: N"},
           Row{edits, image_form("gpt-image-1", prompt + part_of("images", "PNG")), "refused: images"},
           Row{edits, part_of("model", "gpt-image-1") + prompt + "--b--\r\n", "refused: image"},
           Row{edits, R"({"model":"gpt-image-1","prompt":"p"})", "refused: "},
           Row{variations, image_form("dall-e-2"), "dall-e-2 cap=6240 image images=1 1024x1024"},
           Row{variations, image_form("dall-e-2", prompt), "refused: prompt"},
           Row{variations, image_form("gpt-image-1"), "refused: model"},
       })
    check(row);
  const std::int64_t one = read(edits, image_form("gpt-image-1", prompt))->input_bound;
  CHECK(one > meter::image_bound_tokens);
  const std::string two = part_of("image[]", "PNG") + part_of("mask", "PNG");
  CHECK(read(edits, image_form("gpt-image-1", prompt + two))->input_bound == one + 2 * meter::image_bound_tokens);
  CHECK(read(edits, image_form("gpt-image-1", prompt + part_of("stream", "true")))->stream);
}
