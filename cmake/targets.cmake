# Files that are compiled together read their headers once: eight of the compiler take 10 seconds, apart 26.
# OFF compiles each alone, which tells whether it includes what it needs.
option(TPC_UNITY "compile sources eight at a time" ON)
function(tpc_compile_together target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${TPC_UNITY} UNITY_BUILD_BATCH_SIZE 8)
  if(TPC_UNITY)
    # A class of one .cpp may well have members of types that only this .cpp knows.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# tpc_add_library(NAME FOLDERS folder... LINK public... PRIVATE_LINK private...): a static library of all sources below the folders.
function(tpc_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                         # GCC 12 reports std::string operations falsely, and variants when it optimises
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                         $<$<AND:$<CXX_COMPILER_ID:GNU>,$<NOT:$<CONFIG:Debug>>>:-Wno-maybe-uninitialized>)
  if(TPC_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(TPC_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(TPC_SANITIZE)
    # What stands before every access through a pointer doubles the time of the compiler, and addresses are tested anyway.
    target_compile_options(${target} PUBLIC -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
                           -fno-sanitize=null,alignment,object-size,vptr,pointer-overflow,nonnull-attribute,returns-nonnull-attribute)
    # What lies within the capacity of a vector but beyond its size is no error to the address sanitizer.
    target_compile_definitions(${target} PUBLIC _GLIBCXX_ASSERTIONS)
    target_link_options(${target} PUBLIC -fsanitize=address,undefined)
  endif()
endfunction()

function(tpc_add_library target)
  cmake_parse_arguments(ARG "" "" "FOLDERS;LINK;PRIVATE_LINK" ${ARGN})
  set(sources)
  foreach(folder ${ARG_FOLDERS})
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${folder}/*.cpp)
    # Files of different folders may use one name in anonymous namespaces, as long as they are not compiled together.
    set(place 0)
    foreach(source ${found})
      math(EXPR group "${place} / 8")
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder}_${group})
      math(EXPR place "${place} + 1")
    endforeach()
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
  tpc_compile_together(${target})
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
endfunction()
