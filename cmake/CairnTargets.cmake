# Compiler settings and the few functions that every folder's CMakeLists uses.
# A target links only what the house allows (docs/ARCHITECTURE.md, "Who may include whom").

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Two checkouts of the same commit share results: paths are hashed relative to the source tree.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
endif()

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

add_library(cairn_flags INTERFACE)
target_include_directories(cairn_flags INTERFACE ${CMAKE_SOURCE_DIR})
# Missing field initialisers are allowed: a designated initialiser leaves the rest at its defaults.
target_compile_options(cairn_flags INTERFACE -Wall -Wextra -Wconversion -Wno-sign-conversion
  -Wno-missing-field-initializers -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 reports false positives of these in its own headers at -O2 and under sanitizers.
  target_compile_options(cairn_flags INTERFACE -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow
    -Wno-array-bounds)
endif()
if(CAIRN_SANITIZE)
  target_compile_options(cairn_flags INTERFACE -fsanitize=${CAIRN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(cairn_flags INTERFACE -fsanitize=${CAIRN_SANITIZE})
  if(CAIRN_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Asio's fences, which gcc's ThreadSanitizer does not follow; its locks and queues it does.
    target_compile_options(cairn_flags INTERFACE -Wno-tsan)
  endif()
endif()

# Of whole programs (decision 0018). Sanitizers bring an allocator of their own.
add_library(cairn_allocator INTERFACE)
if(NOT CAIRN_SANITIZE)
  find_library(CAIRN_TCMALLOC NAMES libtcmalloc_minimal.so.4 tcmalloc_minimal REQUIRED)
  target_link_libraries(cairn_allocator INTERFACE -Wl,--push-state,--no-as-needed ${CAIRN_TCMALLOC} -Wl,--pop-state)
endif()

if(CAIRN_FUZZ)
  target_compile_options(cairn_flags INTERFACE -fsanitize=fuzzer-no-link)  # coverage everywhere
endif()

# cairn_library(NAME SOURCES a.cc ... DEPS cairn_x absl::y ...)
# Sources may be headers only. Every dependency is public: what a header names, its user may include.
function(cairn_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  set(compiled ${ARG_SOURCES})
  list(FILTER compiled INCLUDE REGEX "\\.cc$")
  if(compiled)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC cairn_flags ${ARG_DEPS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE cairn_flags ${ARG_DEPS})
  endif()
endfunction()

# Over two seconds on two quiet cores: labelled `slow` beside their own labels. tests/run does not repeat
# them on a tree on which they have passed.
set(CAIRN_SLOW_TESTS attention_test chat_template_test cli_test cluster_sim_test cpu_engine_test matmul_test
  planted_bugs_test quality_test sampler_test simulation_test virtual_cluster_test)

# Everything that ctest runs: `ninja cairn_tests`. Benchmarks are not part of it.
add_custom_target(cairn_tests)
add_custom_target(cairn_thread_tests)  # those in which threads meet: what ThreadSanitizer is for

# cairn_test(NAME SOURCES a_test.cc ... DEPS cairn_x ... [LABELS l ...] [TIMEOUT s])
# One executable, one ctest entry. Catch2's main is shared (tests/support/catch_main.cc).
function(cairn_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE cairn_flags cairn_catch_main ${ARG_DEPS})
  add_dependencies(cairn_tests ${name})
  if("threads" IN_LIST ARG_LABELS)
    add_dependencies(cairn_thread_tests ${name})
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)
  endif()
  if(CAIRN_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 3")
  endif()
  if(name IN_LIST CAIRN_SLOW_TESTS)
    list(APPEND ARG_LABELS slow)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}" SKIP_RETURN_CODE 77)
endfunction()
