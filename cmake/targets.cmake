# tpc_add_library(NAME FOLDERS folder... LINK public... PRIVATE_LINK private...): a static library of all sources below the folders.
function(tpc_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                         -Wno-restrict # GCC 12 reports std::string operations falsely,
                         $<$<NOT:$<CONFIG:Debug>>:-Wno-maybe-uninitialized>) # and variants when it optimises
  if(TPC_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(TPC_SANITIZE)
    target_compile_options(${target} PUBLIC -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()

function(tpc_add_library target)
  cmake_parse_arguments(ARG "" "" "FOLDERS;LINK;PRIVATE_LINK" ${ARGN})
  set(sources)
  foreach(folder ${ARG_FOLDERS})
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${folder}/*.cpp)
    list(APPEND sources ${found})
  endforeach()
  if(NOT sources)
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${ARG_LINK} ${ARG_PRIVATE_LINK})
    return()
  endif()
  add_library(${target} STATIC ${sources})
  add_library(tpc::${target} ALIAS ${target})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                              $<INSTALL_INTERFACE:include/tpc>)
  target_link_libraries(${target} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
  tpc_options(${target})
endfunction()
