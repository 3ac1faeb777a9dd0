#include <fmt/format.h>

#include <filesystem>

#include "app/config.h"
#include "app/offline.h"
#include "cli/control_client.h"

namespace cli {
namespace {

class OfflineClient final : public ControlClient {
 public:
  explicit OfflineClient(std::unique_ptr<app::Offline> folder) : folder_(std::move(folder)) {}
  base::Result<admin::Response> send(const admin::Request& request) override { return folder_->handle(request); }

 private:
  std::unique_ptr<app::Offline> folder_;
};

// What a server started from here would use. Mistakes in the file are not this command's business.
app::Config config_of(const Connection& connection) {
  const auto file = connection.config_file.empty() ? app::default_config_file() : std::optional(connection.config_file);
  app::ConfigOverrides overrides;
  if (!connection.data_folder.empty()) overrides.data = connection.data_folder;
  return app::check_config(file, app::process_environment(), overrides).config;
}

}  // namespace

base::Result<std::unique_ptr<ControlClient>> connect(const Connection& connection, MissingFolder missing) {
  if (!connection.server.empty()) return connect_to_server(connection.server, connection.admin_key);
  const app::Config config = config_of(connection);
  const std::string& folder = config.data;
  TRY(auto running, connect_to_socket(app::control_socket(folder)));
  if (running != nullptr) return running;
  std::error_code ignored;
  if (missing == MissingFolder::refuse && !std::filesystem::exists(folder, ignored))
    return base::fail(
        base::ErrorType::not_found,
        fmt::format("there is no data folder {}; name another with --data, or a server with --server", folder));
  TRY(auto offline, app::open_offline(config));
  return std::make_unique<OfflineClient>(std::move(offline));
}

}  // namespace cli
