# Run by the test in consumer.cmake, as a script.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " words)
    message(FATAL_ERROR "failed (${result}): ${words}")
  endif()
endfunction()

file(REMOVE_RECURSE ${SCRATCH})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${SCRATCH}/prefix)
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${SCRATCH}/build -G ${GENERATOR} -D CMAKE_BUILD_TYPE=${CONFIG}
    -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_C_COMPILER=${C_COMPILER} -D CMAKE_PREFIX_PATH=${SCRATCH}/prefix)
run(${CMAKE_COMMAND} --build ${SCRATCH}/build)
run(${SCRATCH}/build/consumer)
run(${SCRATCH}/prefix/bin/tpc check ${SOURCE}/../../examples/mlp.tp)
# The library of blocks is found from the command's own place, wherever the installation is moved to.
file(WRITE ${SCRATCH}/library.tp "program library\nimport \"std/layers.tp\"\ninput xi : R[d]\nuse dense_input(d = d, phi = relu) as a\nvector v ~ N(0, 1)\noutput readout(v, a(xi))\n")
run(${SCRATCH}/prefix/bin/tpc check ${SCRATCH}/library.tp)
file(RENAME ${SCRATCH}/prefix ${SCRATCH}/moved)
run(${SCRATCH}/moved/bin/tpc check ${SCRATCH}/library.tp)
