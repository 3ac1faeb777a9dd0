# embed_file(FILE SOURCE MACRO): SOURCE puts FILE into the binary with .incbin; MACRO holds FILE's path there, and a
# change of FILE rebuilds SOURCE. To be called before the room of SOURCE is added.
function(embed_file file source macro)
  set(path ${CMAKE_SOURCE_DIR}/${source})
  set_property(SOURCE ${path} APPEND PROPERTY COMPILE_DEFINITIONS "${macro}=\"${CMAKE_SOURCE_DIR}/${file}\"")
  set_property(SOURCE ${path} APPEND PROPERTY OBJECT_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
  set_property(SOURCE ${path} PROPERTY SKIP_PRECOMPILE_HEADERS ON)
endfunction()
