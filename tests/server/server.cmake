# The language server, spoken to as editors do.
add_test(NAME "language server" COMMAND ${TPC_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/client.py --tpc $<TARGET_FILE:tpc>)
