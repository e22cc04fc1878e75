// The definitions of what TENON_SEPARATE_COMPILATION leaves out: include this in one source file of the program. Optional; outside the umbrella.
// A file that includes tenon with that macro defined only declares the server; the CMake target tenon::compiled defines the macro and brings the one file.
#pragma once

#include <tenon/server/server.hpp>

namespace tenon::inline v0 {

template class server<default_protocols>;

}  // namespace tenon::inline v0
