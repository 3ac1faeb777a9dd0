#include "meter/requests_test.h"

using meter::test::check;
using meter::test::Row;

namespace {

Row responses(std::string_view extra, std::string_view shown) {
  return {"api.openai.com/v1/responses", R"({"model":"m","input":"hi")" + std::string(extra) + "}", shown};
}
Row asking(std::string_view input, std::string_view shown) {
  return {"api.openai.com/v1/responses", R"({"model":"m","input":[)" + std::string(input) + "]}", shown};
}
}  // namespace

TEST_CASE("a response says what it may cost") {
  for (const Row& row : {
           responses("", "m @max_output_tokens"),
           responses(R"(,"max_output_tokens":9,"stream":true,"service_tier":"flex","user":"u")",
                     "m cap=9 @max_output_tokens stream flex user=u"),
           // What OpenAI keeps is read again: no more than the context holds.
           responses(R"(,"previous_response_id":"r")", "m @max_output_tokens passes=1"),
           responses(R"(,"conversation":"c")", "m @max_output_tokens passes=1"),
           asking(R"({"type":"item_reference","id":"i"})", "m @max_output_tokens passes=1"),
           asking(R"({"role":"user","content":[{"type":"input_file","file_id":"f"}]})",
                  "m @max_output_tokens image passes=1"),
           asking(R"({"role":"user","content":[{"type":"input_image","image_url":"u"}]})",
                  "m @max_output_tokens image"),
           responses(R"(,"tools":[{"type":"function","name":"f"}],"max_tool_calls":3)", "m @max_output_tokens"),
           responses(R"(,"tools":[{"type":"web_search"}],"max_tool_calls":3)",
                     "m @max_output_tokens passes=4 searches=3"),
           responses(R"(,"tools":[{"type":"web_search"}])", "refused: tools"),
           responses(R"(,"tools":[{"type":"code_interpreter"}])", "refused: tools"),
           responses(R"(,"background":true)", "m @max_output_tokens background"),
           responses(R"(,"background":"true")", "refused: background"),
           responses(R"(,"background":false)", "m @max_output_tokens"),
           responses(R"(,"prompt":{"id":"p"})", "refused: prompt"),
           responses(R"(,"Model":"dear")", "refused: Model"),
           responses(R"(,"input":"dear")", "refused: input"),
           asking(R"({"type":"computer_call"})", "refused: input"),
           asking(R"({"role":"user","content":[{"type":"input_video"}]})", "refused: input"),
           Row{"api.openai.com/v1/responses", R"({"model":"m"})", "refused: input"},
           Row{"api.openai.com/v1/responses/input_tokens", R"({"model":"m","input":"hi"})", "m free"},
       })
    check(row);
}
