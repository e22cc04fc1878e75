// Serves calc over every protocol for foreign clients.
#include "rpc_served.hpp"

#include <tenon/server/every_protocol.hpp>

int main() { return interop::serve_calc<tenon::every_protocol>("rpc_server"); }
