#include "catalog/base_url.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

using catalog::default_output_cap_field;
using catalog::parse_base_url;

TEST_CASE("a base URL is read into its parts, and what could surprise is refused") {
  struct Row {
    const char* url;
    const char* parts;  // nullptr: refused
  };
  for (const Row& row :
       {Row{"https://api.openai.com/v1", "https api.openai.com 443 /v1"}, Row{"http://Host:8080//", "http host 8080 "},
        Row{"HTTPS://[::1]:9/x", "https ::1 9 /x"},
        Row{"https://r.openai.azure.com/openai/v1/", "https r.openai.azure.com 443 /openai/v1"}, Row{"", nullptr},
        Row{"api.openai.com", nullptr}, Row{"https://", nullptr}, Row{"https:///v1", nullptr},
        Row{"https://u:p@h", nullptr}, Row{"https://h?x=1", nullptr}, Row{"https://h#x", nullptr},
        Row{"https://h:0", nullptr}, Row{"https://h:65536", nullptr}, Row{"https://h:", nullptr},
        Row{"https://h/a b", nullptr}, Row{"https://[::1]9/", nullptr}, Row{"https://h\n/", nullptr}}) {
    CAPTURE(row.url);
    catalog::Upstream upstream;
    const auto status = parse_base_url(row.url, upstream);
    CHECK(status.has_value() == (row.parts != nullptr));
    if (status && row.parts != nullptr)
      CHECK(fmt::format("{} {} {} {}", upstream.scheme, upstream.host, upstream.port, upstream.base_path) == row.parts);
  }
  CHECK(default_output_cap_field("r.openai.azure.com") == "max_completion_tokens");
  CHECK(default_output_cap_field("api.groq.com") == "max_tokens");
}
