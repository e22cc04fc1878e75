# Configures, builds and runs tests/stranger the way WAY says:
#   installed   installs this build into a prefix, then find_package(tenon)
#   source      add_subdirectory of the source folder
#   lacking     find_package(tenon) where no dependency can be found: it must fail and name each of them
cmake_policy(SET CMP0057 NEW)
set(prefix ${WORK}/prefix)
file(REMOVE_RECURSE ${WORK})

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

set(configure ${CMAKE_COMMAND} -S ${SOURCE}/tests/stranger -B ${WORK}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER})
if(WAY STREQUAL "source")
  run(${configure} -DSTRANGER_TENON_SOURCE=${SOURCE})
else()
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
endif()
if(WAY STREQUAL "installed")
  run(${configure} -DCMAKE_PREFIX_PATH=${prefix})
endif()
if(WAY STREQUAL "lacking")
  # The prefix becomes the whole world that CMake searches in.
  execute_process(RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said
    COMMAND ${configure} -DCMAKE_FIND_ROOT_PATH=${prefix} -DCMAKE_FIND_ROOT_PATH_MODE_PACKAGE=ONLY
      -DCMAKE_FIND_ROOT_PATH_MODE_INCLUDE=ONLY -Dtenon_DIR=${prefix}/share/cmake/tenon -DTENON_IO_URING=ON)
  if(result EQUAL 0)
    message(FATAL_ERROR "find_package(tenon) succeeds where its dependencies are missing")
  endif()
  foreach(word IN ITEMS asio.hpp libasio-dev boost/hana.hpp libboost-dev msgpack.hpp libmsgpack-cxx-dev nlohmann/json.hpp
      nlohmann-json3-dev liburing.h liburing-dev vcpkg conan)
    string(FIND "${said}" "${word}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "where the dependencies are missing, find_package(tenon) does not say ${word}; it says:\n${said}")
    endif()
  endforeach()
  return()
endif()
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/stranger)
run(${WORK}/build/stranger_server)
