# Run at build time as `cmake -D... -P`: writes version.cc from the commit that is checked out, only if
# it changed, so that a build with nothing to do relinks nothing.
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD
                OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE FAILED)
if(FAILED)
  set(COMMIT unknown)
else()
  execute_process(COMMAND git -C ${SOURCE} status --porcelain --untracked-files=no
                  OUTPUT_VARIABLE CHANGES ERROR_QUIET)
  if(CHANGES)
    string(APPEND COMMIT "+")
  endif()
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
