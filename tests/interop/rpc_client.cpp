// Calls calc at a foreign server. usage: rpc_client URL
#include "rpc_cases.hpp"

#include <string_view>

#include <tenon/protocol/client_sessions.hpp>

int main(int count, char** arguments) {
  const char* const url = count > 1 ? arguments[1] : "";
  const auto sessions = &tenon::protocol::make_client_session;
  if (std::string_view{url}.starts_with("jsonrpc")) interop::run<tenon::codec::json>(url, "UNKNOWN: no such thing (error -32000)", sessions);
  else interop::run<tenon::codec::msgpack>(url, "UNKNOWN: no such thing", sessions);
  return interop::failures == 0 ? 0 : 1;
}
