# Language level, warnings, sanitizers, linker and compiler cache: one interface target that every room links.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Without these ccache gives up on everything that uses a precompiled header. Paths are hashed as relative ones, so that
  # two checkouts share what they compile.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
endif()

add_library(mg_options INTERFACE)
target_include_directories(mg_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})
target_compile_options(mg_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                       -Woverloaded-virtual -Wimplicit-fallthrough)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these falsely inside coroutine frames and std::expected.
  target_compile_options(mg_options INTERFACE -Wno-maybe-uninitialized -Wno-mismatched-new-delete -Wno-dangling-pointer
                         -fpch-preprocess)  # lets ccache see which precompiled header was used
endif()
# Coroutine frames are used again by the next call: as many as a worker has at hand of each kind.
target_compile_definitions(mg_options INTERFACE BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16)
if(METERGATE_WERROR)
  target_compile_options(mg_options INTERFACE -Werror)
endif()
find_program(GOLD_PROGRAM ld.gold)  # of binutils, beside the compiler
find_program(MOLD_PROGRAM mold)
if(METERGATE_TEXT_ORDER AND GOLD_PROGRAM)
  # What calls run through lies side by side, as the list says (bench/text_order.py makes it): a third of the program's
  # pages are in memory then, where it would be nearly all of them. Of the two linkers only this one takes such a list.
  set(METERGATE_TEXT_ORDER_FILE ${CMAKE_SOURCE_DIR}/cmake/text_order.txt)
  target_compile_options(mg_options INTERFACE -ffunction-sections)
  target_link_options(mg_options INTERFACE -fuse-ld=gold -Wl,-z,keep-text-section-prefix -Wl,--rosegment
                      -Wl,--gc-sections -Wl,--section-ordering-file=${METERGATE_TEXT_ORDER_FILE})
elseif(MOLD_PROGRAM)
  # What only errors run through is kept apart from what every call does: fewer pages are touched.
  target_link_options(mg_options INTERFACE -fuse-ld=mold -Wl,-z,keep-text-section-prefix)
endif()

if(METERGATE_SANITIZE)
  string(REPLACE ";" "," sanitizers "${METERGATE_SANITIZE}")
  target_compile_options(mg_options INTERFACE -fsanitize=${sanitizers} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(mg_options INTERFACE -fsanitize=${sanitizers})
  if("thread" IN_LIST METERGATE_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio's fences, which the sanitizer does not model, stand beside mutexes that it does.
    target_compile_options(mg_options INTERFACE -Wno-tsan)
  endif()
endif()
if(METERGATE_FUZZ)
  target_compile_options(mg_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
