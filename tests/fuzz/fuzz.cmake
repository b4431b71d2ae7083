# The fuzz targets over the kept corpus, the examples, and mutations of both; with TPC_FUZZ (clang) under libFuzzer as well.
function(tpc_add_fuzzer target library)
  add_executable(${target} ${ARGN} fuzz/mutate.cpp fuzz/require.cpp)
  target_link_libraries(${target} PRIVATE ${library})
  target_compile_definitions(${target} PRIVATE TPC_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  tpc_options(${target})
endfunction()

set(front_end fuzz/front_end.cpp)
set(all_stages fuzz/all_stages.cpp)
tpc_add_fuzzer(fuzz_front_end compiler ${front_end} fuzz/main.cpp)
target_link_libraries(fuzz_front_end PRIVATE grammar)
tpc_add_fuzzer(fuzz_all_stages random_programs ${all_stages} fuzz/main.cpp)

set(corpus ${CMAKE_CURRENT_LIST_DIR}/corpus)
add_test(NAME "fuzz: front end" COMMAND fuzz_front_end 5 1 ${corpus}/front_end ${PROJECT_SOURCE_DIR}/examples
                                        ${CMAKE_CURRENT_SOURCE_DIR}/conformance/verdicts)
add_test(NAME "fuzz: all stages" COMMAND fuzz_all_stages 5 1 ${corpus}/all_stages)

if(TPC_FUZZ)
  tpc_add_fuzzer(libfuzzer_front_end compiler ${front_end} fuzz/libfuzzer.cpp)
  target_link_libraries(libfuzzer_front_end PRIVATE grammar -fsanitize=fuzzer)
  tpc_add_fuzzer(libfuzzer_all_stages random_programs ${all_stages} fuzz/libfuzzer.cpp)
  target_link_libraries(libfuzzer_all_stages PRIVATE -fsanitize=fuzzer)
endif()
