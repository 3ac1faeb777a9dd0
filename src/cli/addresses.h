#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "net/address.h"

namespace cli {

// An option that takes an address such as 127.0.0.1:8080.
inline CLI::Option* add_address(CLI::App& verb, const std::string& name, net::Address& into, const std::string& text) {
  const auto read = [&into](const std::string& given) {
    auto address = net::Address::parse(given);
    if (!address) throw CLI::ValidationError(address.error().message);
    into = std::move(*address);
  };
  return verb.add_option_function<std::string>(name, read, text)->type_name("ADDRESS")->default_str(into.to_string());
}

}  // namespace cli
