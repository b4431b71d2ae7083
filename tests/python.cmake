# The Python that has NumPy, for tests that drive the command from outside. Another python3 may come first in PATH.
function(tpc_has_numpy result candidate)
  execute_process(COMMAND ${candidate} -c "import numpy" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    set(${result} FALSE PARENT_SCOPE)
  endif()
endfunction()
find_program(TPC_PYTHON NAMES python3 VALIDATOR tpc_has_numpy REQUIRED)
