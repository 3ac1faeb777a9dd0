# Everything that is not ours comes from Debian's packages (tools/setup installs them); nothing is downloaded here.
# The token lists of the public encodings are the exception: cmake/ranks.cmake.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(absl REQUIRED)
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(isal REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(jose REQUIRED IMPORTED_TARGET jose)

# dependency(name targets…): an alias mg::deps::name, so that a room names what it needs and not who packages it.
function(dependency name)
  add_library(mg_deps_${name} INTERFACE)
  target_link_libraries(mg_deps_${name} INTERFACE ${ARGN})
  add_library(mg::deps::${name} ALIAS mg_deps_${name})
endfunction()

dependency(core fmt::fmt spdlog::spdlog Threads::Threads)
dependency(crypto OpenSSL::Crypto)
dependency(tls OpenSSL::SSL OpenSSL::Crypto)
dependency(simdjson PkgConfig::simdjson)
dependency(json Boost::json)
dependency(sqlite SQLite::SQLite3)
dependency(sodium PkgConfig::sodium)
dependency(crc32c PkgConfig::isal)
dependency(gzip PkgConfig::isal)
dependency(url Boost::url)
dependency(jose PkgConfig::jose)
dependency(yaml yaml-cpp)
dependency(time_zones absl::time)
dependency(cli CLI11::CLI11)
dependency(asio Boost::headers)
# One event loop per thread, but the store thread posts to them: threads stay enabled. Asio's implementation is
# compiled once, in src/net/asio_impl.cpp.
# Coroutine frames come from plain operator new: malloc's own cache by size is faster than aligned_alloc and than Asio's
# search through a longer list of recycled blocks.
target_compile_definitions(mg_deps_asio INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
                           BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC BOOST_ASIO_DISABLE_BOOST_ALIGN)
