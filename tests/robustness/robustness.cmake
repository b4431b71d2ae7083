# Programs beyond all measure: a diagnostic or a result, in bounded time and memory.
add_test(NAME "robustness" COMMAND ${TPC_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/run.py --tpc $<TARGET_FILE:tpc>)
