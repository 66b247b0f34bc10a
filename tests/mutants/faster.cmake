# Builds of mutants: each compiles one source of a core again and again, and most of that is reading
# the same headers.
function(quarry_read_headers_once)
  foreach(actor engine peer_selector consumer_bridge producer_bridge)
    target_precompile_headers(quarry_${actor}_core PRIVATE
      ${PROJECT_SOURCE_DIR}/actors/${actor}/core.hpp)
  endforeach()
endfunction()
cmake_language(DEFER CALL quarry_read_headers_once)
