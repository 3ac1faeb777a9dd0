#pragma once
// What the verbs share: how they reach the API, where they print, and how a reply becomes text or an exit code.

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cli/control_client.h"

namespace cli {

using Connect = std::function<base::Result<std::unique_ptr<ControlClient>>(const Connection&, MissingFolder)>;
using Parameters = std::vector<std::pair<std::string, std::string>>;

class Session {
 public:
  Session(Connect connect, std::ostream& out, std::ostream& err) : connect_(std::move(connect)), out_(out), err_(err) {}

  // --server, --admin-key, --data, --config and --json, for a verb that calls the API.
  void add_options(CLI::App& verb);
  // Runs `work` when the verb is chosen. Its error is printed and makes the exit code 1.
  void on(CLI::App& verb, std::function<base::Status()> work);

  // A reply that the API gave to a request that it took.
  struct Reply {
    std::string text;  // as it came
    base::Json json;
  };
  base::Result<Reply> get(const std::string& path, Parameters query = {});
  // Makes a resource, or (put) makes or replaces the one at the path: the only requests for which a data folder that is
  // missing is made.
  base::Result<Reply> create(const std::string& path, const boost::json::object& body);
  base::Result<Reply> put(const std::string& path, const boost::json::object& body,
                          MissingFolder missing = MissingFolder::make);
  // Does what the path's last word says.
  base::Result<Reply> act(const std::string& path);
  base::Result<Reply> post(const std::string& path, const boost::json::object& body);
  // Orders that money be moved. The same key again moves none.
  base::Result<Reply> order(const std::string& path, const boost::json::object& body, std::string idempotency_key);
  base::Result<Reply> patch(const std::string& path, const boost::json::object& body);
  base::Result<Reply> remove(const std::string& path);

  // Prints the reply itself with --json, else what `to_text` makes of it.
  void print(const Reply& reply, const std::function<std::string(const base::Json&)>& to_text);
  // Prints one resource as names and values.
  void print_one(const Reply& reply);
  // Prints for people; with --json, nothing.
  void say(const std::string& text);
  // Prints beside what may be redirected.
  void note(const std::string& text);
  std::ostream& out() { return out_; }

  int exit_code() const { return exit_code_; }
  void fail(const base::Error& error, int exit_code = 1);
  // For a verb whose answer is its exit code.
  void end_with(int exit_code) { exit_code_ = exit_code; }

 private:
  base::Result<Reply> send(admin::Request request, MissingFolder missing);

  Connect connect_;
  std::ostream& out_;
  std::ostream& err_;
  Connection connection_;
  bool json_ = false;
  std::unique_ptr<ControlClient> client_;  // of the first request on
  int exit_code_ = 0;
};

// A member's text, whatever its type: "-" for null and what is not there.
std::string text_of(const base::Json& object, std::string_view name);
// A time without its milliseconds: "2026-11-21T04:06:00Z".
std::string time_of(const base::Json& object, std::string_view name);

}  // namespace cli
