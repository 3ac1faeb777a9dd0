#include "cli/session.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <ostream>

#include "cli/table.h"

namespace cli {
namespace {

// What went wrong, from a problem document, or from whatever else stands between us and the API.
base::Error error_of(const admin::Response& response) {
  const auto json = base::Json::parse(response.body);
  const base::Json* detail = json && json->is_object() ? json->find("detail") : nullptr;
  const base::Json* field = json && json->is_object() ? json->find("field") : nullptr;
  base::Error error;
  error.type = response.status == 404 ? base::ErrorType::not_found : base::ErrorType::invalid_request;
  error.message = detail != nullptr ? detail->text() : fmt::format("the control plane answered {}", response.status);
  if (field != nullptr) error.field = field->text();
  return error;
}

// "amount 15, until 2026-12-01T00:00:00.000Z"
std::string members_of(const base::Json& object) {
  std::string out;
  for (const auto& [name, value] : object.members()) out += (out.empty() ? "" : ", ") + name + " " + value.text();
  return out;
}

std::string joined(const base::Json& list) {
  std::string out;
  for (const base::Json& item : list.items()) {
    // A limit inside a key's reply is known by its name.
    const base::Json* name = item.is_object() ? item.find("name") : nullptr;
    const std::string text = name != nullptr ? name->text() : item.is_object() ? members_of(item) : item.text();
    out += (out.empty() ? "" : ", ") + text;
  }
  return out.empty() ? "-" : out;
}

}  // namespace

void Session::add_options(CLI::App& verb) {
  verb.add_option("--server", connection_.server, "Control plane to call, such as http://127.0.0.1:8081")
      ->envname("METERGATE_SERVER");
  verb.add_option("--admin-key", connection_.admin_key, "Admin key for --server")->envname("METERGATE_ADMIN_KEY");
  verb.add_option("--data", connection_.data_folder, "Data folder, where no --server is given");
  verb.add_option("--config", connection_.config_file, "Configuration that names the data folder");
  verb.add_flag("--json", json_, "Print the API's reply");
}

void Session::on(CLI::App& verb, std::function<base::Status()> work) {
  verb.callback([this, work = std::move(work)] {
    if (const auto done = work(); !done) fail(done.error());
  });
}

base::Result<Session::Reply> Session::send(admin::Request request, MissingFolder missing) {
  if (client_ == nullptr) {
    TRY(client_, connect_(connection_, missing));
  }
  TRY(auto response, client_->send(request));
  if (response.status >= 300) return base::fail(error_of(response));
  if (response.body.empty()) return Reply{{}, {}};
  TRY(auto json, base::Json::parse(response.body));
  return Reply{std::move(response.body), std::move(json)};
}

base::Result<Session::Reply> Session::get(const std::string& path, Parameters query) {
  return send({.method = "GET", .path = path, .query = std::move(query), .body = {}, .credential = {}},
              MissingFolder::refuse);
}

base::Result<Session::Reply> Session::create(const std::string& path, const boost::json::object& body) {
  return send({.method = "POST", .path = path, .query = {}, .body = boost::json::serialize(body), .credential = {}},
              MissingFolder::make);
}

base::Result<Session::Reply> Session::put(const std::string& path, const boost::json::object& body,
                                          MissingFolder missing) {
  return send({.method = "PUT", .path = path, .query = {}, .body = boost::json::serialize(body), .credential = {}},
              missing);
}

base::Result<Session::Reply> Session::act(const std::string& path) {
  return send({.method = "POST", .path = path, .query = {}, .body = {}, .credential = {}}, MissingFolder::refuse);
}

base::Result<Session::Reply> Session::post(const std::string& path, const boost::json::object& body) {
  return send({.method = "POST", .path = path, .query = {}, .body = boost::json::serialize(body), .credential = {}},
              MissingFolder::refuse);
}

base::Result<Session::Reply> Session::order(const std::string& path, const boost::json::object& body,
                                            std::string idempotency_key) {
  return send({.method = "POST",
               .path = path,
               .query = {},
               .body = boost::json::serialize(body),
               .credential = {},
               .idempotency_key = std::move(idempotency_key)},
              MissingFolder::refuse);
}

base::Result<Session::Reply> Session::patch(const std::string& path, const boost::json::object& body) {
  return send({.method = "PATCH", .path = path, .query = {}, .body = boost::json::serialize(body), .credential = {}},
              MissingFolder::refuse);
}

base::Result<Session::Reply> Session::remove(const std::string& path) {
  return send({.method = "DELETE", .path = path, .query = {}, .body = {}, .credential = {}}, MissingFolder::refuse);
}

void Session::print(const Reply& reply, const std::function<std::string(const base::Json&)>& to_text) {
  if (json_) {
    out_ << reply.text;
    return;
  }
  out_ << to_text(reply.json);
  if (const base::Json* next = reply.json.find("next"))
    note(fmt::format("there is more: add --cursor {}", next->text()));
}

void Session::print_one(const Reply& reply) {
  print(reply, [](const base::Json& json) {
    std::vector<std::pair<std::string, std::string>> values;
    for (const auto& [name, value] : json.members())
      values.emplace_back(name, value.kind() == base::Json::Kind::array ? joined(value)
                                : value.is_object()                     ? members_of(value)
                                                                        : text_of(json, name));
    return list_of(values);
  });
}

void Session::say(const std::string& text) {
  if (!json_) out_ << text << "\n";
}

void Session::note(const std::string& text) { err_ << "metergate: " << text << "\n"; }

void Session::fail(const base::Error& error, int exit_code) {
  note(error.message);
  exit_code_ = exit_code;
}

std::string text_of(const base::Json& object, std::string_view name) {
  const base::Json* value = object.find(name);
  return value == nullptr || value->text().empty() ? "-" : value->text();
}

std::string time_of(const base::Json& object, std::string_view name) {
  constexpr std::string_view milliseconds = ".000Z";
  auto text = text_of(object, name);
  if (text.size() > milliseconds.size() && text.ends_with('Z')) text.replace(text.size() - milliseconds.size(), 4, "");
  return text;
}

}  // namespace cli
