#pragma once
// For the tests of the configuration: files in a folder of their own, and what is found wrong with them.

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "app/config.h"

namespace app::testing {

inline Environment environment_of(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional(at->second);
  };
}

// A folder of its own that goes away with the test, which runs inside it: findings then show bare file names.
class Folder {
 public:
  Folder() : before_(std::filesystem::current_path()) {
    std::string pattern = std::filesystem::temp_directory_path() / "metergate-config-XXXXXX";
    path_ = mkdtemp(pattern.data());
    std::filesystem::current_path(path_);
  }
  ~Folder() {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(path_);
  }
  void write(const char* name, std::string_view text) { std::ofstream(name) << text; }

 private:
  std::filesystem::path before_;
  std::filesystem::path path_;
};

inline ConfigReport report_of(std::string_view yaml, const Environment& environment) {
  Folder folder;
  folder.write("m.yaml", yaml);
  return check_config("m.yaml", environment);
}

inline const std::string one_upstream = "upstreams: { a: { url: \"https://a.example/v1\" } }\n";

// A configuration with one mistake, and how it is reported.
struct Row {
  std::string yaml;
  std::string finding;
};

inline void check_findings(const std::vector<Row>& rows) {
  const auto environment = environment_of({{"OPENAI_API_KEY", "sk-1"}, {"SECRET", "sk-2"}});
  for (const Row& row : rows) {
    CAPTURE(row.yaml);
    const auto report = report_of(row.yaml, environment);
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].to_string() == row.finding);
  }
}

}  // namespace app::testing
