#pragma once
// cli: the command line. Every noun is a call of the admin API, so that the command line can do what the API can and
// nothing else; it reaches the API by the first of these ways that there is:
//
//   --server URL             over HTTP, with an admin key
//   DATA/control.sock        of the server that runs on the data folder; its file permissions are the key
//   the data folder itself   locked and opened in this process, when no server runs on it
//
// It owns arguments, tables and exit codes: 0 done, 1 refused or failed, 2 not understood.

#include <memory>
#include <string>

#include "admin/message.h"
#include "base/result.h"

namespace cli {

// Port: a way to the admin API. An error means that it was not reached; what the API says is a response.
class ControlClient {
 public:
  virtual ~ControlClient() = default;
  virtual base::Result<admin::Response> send(const admin::Request& request) = 0;
};

// Over HTTP to a control plane: "http://127.0.0.1:8081". Only the scheme, the host and the port are used.
base::Result<std::unique_ptr<ControlClient>> connect_to_server(const std::string& url, std::string admin_key);

// Over the data folder's socket; nullptr if nobody listens there.
base::Result<std::unique_ptr<ControlClient>> connect_to_socket(const std::string& path);

// How a command reaches the API.
struct Connection {
  std::string server;       // URL, or empty
  std::string admin_key;    // for the server
  std::string data_folder;  // empty: the configuration's
  std::string config_file;  // empty: metergate.yaml if there is one
};

// Whether a command may make the data folder that it does not find.
enum class MissingFolder : std::uint8_t { refuse, make };

// Takes the first way that there is.
base::Result<std::unique_ptr<ControlClient>> connect(const Connection& connection, MissingFolder missing);

}  // namespace cli
