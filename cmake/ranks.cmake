# The rank tables of src/tokens: tools/rank_data brings OpenAI's lists, pack_ranks turns each into what the binary
# embeds. To be included before the room `tokens` is added.
add_executable(pack_ranks src/tokens/packer/main.cpp)
target_link_libraries(pack_ranks PRIVATE mg_options mg::deps::crypto)

set(ranks_folder ${CMAKE_BINARY_DIR}/ranks)
set(ranks_source ${CMAKE_SOURCE_DIR}/src/tokens/built_in_ranks.cpp)
add_custom_command(OUTPUT ${ranks_folder}/o200k_base.tiktoken ${ranks_folder}/cl100k_base.tiktoken
                   COMMAND ${CMAKE_SOURCE_DIR}/tools/rank_data ${ranks_folder}
                   DEPENDS ${CMAKE_SOURCE_DIR}/tools/rank_data COMMENT "Bringing the tokens of the public encodings"
                   VERBATIM)
foreach(encoding o200k cl100k)
  set(packed ${ranks_folder}/${encoding}_base.ranks)
  add_custom_command(OUTPUT ${packed} COMMAND pack_ranks ${ranks_folder}/${encoding}_base.tiktoken ${packed}
                     DEPENDS pack_ranks ${ranks_folder}/${encoding}_base.tiktoken VERBATIM)
  string(TOUPPER ${encoding} name)
  set_property(SOURCE ${ranks_source} APPEND PROPERTY COMPILE_DEFINITIONS "METERGATE_RANKS_${name}=\"${packed}\"")
  set_property(SOURCE ${ranks_source} APPEND PROPERTY OBJECT_DEPENDS ${packed})
endforeach()
set_property(SOURCE ${ranks_source} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
