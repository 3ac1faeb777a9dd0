# add_room(NAME DEPS room… library… [EXECUTABLE binary] [PRECOMPILE header…] [THREADS])
#
# A room is src/NAME: every .cpp in it and below is one static library `mg_NAME`, except
#   *_test.cpp  -> the test binary test_NAME (with METERGATE_TESTS)
#   *_fuzz.cpp, *_bench.cpp -> built by cmake/fuzz.cmake and bench/
#   main.cpp    -> the binary named by EXECUTABLE
# THREADS: the room starts threads or is called by several of them. The thread sanitizer sees the tests of these alone.
# A room may include only the headers of the rooms in DEPS; tools/check_layers.py checks the same from layers.toml.
function(add_room name)
  cmake_parse_arguments(ROOM "THREADS" "EXECUTABLE" "DEPS;PRECOMPILE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|_bench|/main)\\.cpp$")

  if(NOT sources)  # a room of headers only
    add_library(mg_${name} INTERFACE)
    target_link_libraries(mg_${name} INTERFACE mg_options)
    return()
  endif()

  add_library(mg_${name} STATIC ${sources})
  target_link_libraries(mg_${name} PUBLIC mg_options)
  target_precompile_headers(mg_${name} PRIVATE
    <algorithm> <array> <atomic> <chrono> <cstdint> <expected> <functional> <memory> <mutex> <optional> <span> <string>
    <string_view> <unordered_map> <utility> <variant> <vector> <fmt/format.h> ${ROOM_PRECOMPILE})
  foreach(dep IN LISTS ROOM_DEPS)
    if(dep MATCHES "^mg::")
      target_link_libraries(mg_${name} PUBLIC ${dep})
    else()
      target_link_libraries(mg_${name} PUBLIC mg_${dep})
    endif()
  endforeach()

  if(ROOM_EXECUTABLE AND EXISTS ${CMAKE_SOURCE_DIR}/src/${name}/main.cpp)
    add_executable(${ROOM_EXECUTABLE} ${CMAKE_SOURCE_DIR}/src/${name}/main.cpp)
    target_link_libraries(${ROOM_EXECUTABLE} PRIVATE mg_${name})
  endif()

  if("thread" IN_LIST METERGATE_SANITIZE AND NOT ROOM_THREADS)
    set(tests)
  endif()
  if(METERGATE_TESTS AND tests)
    add_executable(test_${name} ${tests} ${CMAKE_SOURCE_DIR}/tests/support/doctest_main.cpp)
    # Tests may also use the reference store and the shared fixtures (house rule: nothing more).
    target_link_libraries(test_${name} PRIVATE mg_${name} mg_store)
  endif()
endfunction()
