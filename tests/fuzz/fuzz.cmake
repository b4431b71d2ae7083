# The fuzz targets over the kept corpus, the examples, and mutations of both; with TPC_FUZZ (clang) under libFuzzer as well.
set(fuzz_sources fuzz/front_end.cpp fuzz/all_stages.cpp fuzz/mutate.cpp fuzz/require.cpp finite/agreement.cpp finite/compile.cpp
    finite/limit.cpp finite/properties.cpp finite/random_program.cpp)
function(tpc_add_fuzzer target)
  add_executable(${target} ${fuzz_sources} ${ARGN})
  target_link_libraries(${target} PRIVATE finite execute)
  target_compile_definitions(${target} PRIVATE TPC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  tpc_options(${target})
endfunction()

tpc_add_fuzzer(fuzz fuzz/main.cpp)
set(corpus ${CMAKE_CURRENT_LIST_DIR}/corpus)
set(texts ${corpus}/front_end ${PROJECT_SOURCE_DIR}/examples ${CMAKE_CURRENT_SOURCE_DIR}/conformance/verdicts)
add_test(NAME "fuzz: front end" COMMAND fuzz front_end 5 1 ${texts})
add_test(NAME "fuzz: all stages" COMMAND fuzz all_stages 5 1 ${corpus}/all_stages)

if(TPC_FUZZ)
  foreach(name front_end all_stages)
    tpc_add_fuzzer(libfuzzer_${name} fuzz/libfuzzer.cpp)
    target_link_options(libfuzzer_${name} PRIVATE -fsanitize=fuzzer)
  endforeach()
  target_compile_definitions(libfuzzer_front_end PRIVATE TPC_FUZZ_TARGET=0)
  target_compile_definitions(libfuzzer_all_stages PRIVATE TPC_FUZZ_TARGET=1)
endif()
