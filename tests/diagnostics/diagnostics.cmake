# Every diagnostic, word for word, and that none is left out.
add_test(NAME "diagnostics" COMMAND ${TPC_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/run.py --tpc $<TARGET_FILE:tpc>)
