# embed_file(FILE SOURCE MACRO): SOURCE puts FILE into the binary with .incbin; MACRO holds FILE's path there, and a
# change of FILE rebuilds SOURCE. To be called before the room of SOURCE is added.
function(embed_file file source macro)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/${source} PROPERTIES
    COMPILE_DEFINITIONS "${macro}=\"${CMAKE_SOURCE_DIR}/${file}\""
    OBJECT_DEPENDS ${CMAKE_SOURCE_DIR}/${file}
    SKIP_PRECOMPILE_HEADERS ON)
endfunction()
