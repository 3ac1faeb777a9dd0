#include "net/query.h"

#include <algorithm>
#include <utility>

namespace net {
namespace {

std::string_view name_of(std::string_view parameter) { return parameter.substr(0, parameter.find('=')); }

// Calls `visit` with each "name=value".
template <class Visit>
void for_each_parameter(std::string_view query, Visit visit) {
  while (!query.empty()) {
    const std::string_view parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(parameter.size() + 1, query.size()));
    visit(parameter);
  }
}

std::string_view query_of(std::string_view target) {
  return target.substr(std::min(target.find('?'), target.size() - 1) + 1);
}

}  // namespace

std::string_view query_parameter(std::string_view target, std::string_view name) {
  std::string_view value;
  bool found = false;
  if (target.empty()) return value;
  for_each_parameter(query_of(target), [&](std::string_view parameter) {
    if (found || name_of(parameter) != name) return;
    found = true;
    value = parameter.substr(std::min(name.size() + 1, parameter.size()));
  });
  return value;
}

std::string without_query_parameter(std::string_view target, std::string_view name) {
  std::string out(target.substr(0, target.find('?')));
  if (target.empty()) return out;
  char before = '?';
  for_each_parameter(query_of(target), [&](std::string_view parameter) {
    if (name_of(parameter) != name) out.append(1, std::exchange(before, '&')).append(parameter);
  });
  return out;
}

}  // namespace net
