# Installs, moves the installed tree (it must not know where it was made), builds the consumer, runs it.
function(step)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE status OUTPUT_VARIABLE out ERROR_VARIABLE out)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${ARGV}\nfailed with ${status}:\n${out}")
    endif()
    set(out "${out}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${PREFIX}" "${PREFIX}-moved")
step("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${PREFIX}")
file(RENAME "${PREFIX}" "${PREFIX}-moved")
set(PREFIX "${PREFIX}-moved")

file(GLOB_RECURSE scripts "${PREFIX}/*.cmake")
foreach(script IN LISTS scripts)
    file(READ "${script}" text)
    string(FIND "${text}" "${BUILD}" found)
    if(NOT found EQUAL -1)
        message(FATAL_ERROR "${script} names the build folder")
    endif()
endforeach()

step("${CMAKE_COMMAND}" -S "${SOURCE}" -B "${PREFIX}/consumer" -G "${GENERATOR}"
    "-DCMAKE_PREFIX_PATH=${PREFIX}" "-DCMAKE_BUILD_TYPE=${TYPE}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
    "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
step("${CMAKE_COMMAND}" --build "${PREFIX}/consumer")
step("${PREFIX}/consumer/consumer" "${EXAMPLES}/models/breast_cancer.onnx" "${EXAMPLES}/data/breast_cancer.csv")
if(NOT out MATCHES "worst [a-z ]+: [-+0-9.e]+\n" OR NOT out MATCHES "\nerror: [-+0-9.e]+\n$")
    message(FATAL_ERROR "the consumer printed:\n${out}")
endif()
step("${PREFIX}/bin/whence" --version)
