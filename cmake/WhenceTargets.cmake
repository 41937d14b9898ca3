# The only ways targets are declared: one folder is one library, one test file is one executable.

# Compile options of our own code; never exported.
add_library(whence_flags INTERFACE)
target_compile_options(whence_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
    -Wno-missing-field-initializers  # designated initialisers leave defaults on purpose
    -ffp-contract=off -fno-math-errno)
if(PROJECT_IS_TOP_LEVEL)
    target_compile_options(whence_flags INTERFACE -Werror)
endif()

# whence_library(NAME [SOURCES ...] [HEADERS public headers ...] [PRIVATE_HEADERS ...]
#                [PUBLIC targets ...] [PRIVATE targets ...])
# Declares whence_NAME with the alias whence::NAME for the folder it is called in.
function(whence_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;PUBLIC;PRIVATE" ${ARGN})
    add_library(whence_${name} STATIC ${ARG_SOURCES})
    add_library(whence::${name} ALIAS whence_${name})
    target_sources(whence_${name} PUBLIC FILE_SET HEADERS
        BASE_DIRS "${PROJECT_SOURCE_DIR}/src" FILES ${ARG_HEADERS})
    target_link_libraries(whence_${name} PUBLIC ${ARG_PUBLIC}
        PRIVATE ${ARG_PRIVATE} $<BUILD_INTERFACE:whence_flags>)
    target_compile_features(whence_${name} PUBLIC cxx_std_20)
    set_target_properties(whence_${name} PROPERTIES EXPORT_NAME ${name})
    set_property(GLOBAL APPEND PROPERTY WHENCE_LIBRARIES whence_${name})
endfunction()

# whence_test(FILE targets ...): builds FILE.cpp as an executable whose GoogleTest cases ctest runs
# one by one. TEST_DATA_DIR and friends are compiled in, so tests run from any folder.
function(whence_test file)
    get_filename_component(name ${file} NAME_WE)
    add_executable(${name} ${file}.cpp)
    target_link_libraries(${name} PRIVATE ${ARGN} whence_flags GTest::gtest_main)
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    target_compile_definitions(${name} PRIVATE
        WHENCE_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
        WHENCE_SHARED_DIR="${PROJECT_SOURCE_DIR}/../shared"
        WHENCE_BINARY_DIR="${PROJECT_BINARY_DIR}")
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60)
endfunction()
