// expect: tenon::auth: the argument is no function for credentials; write auth<[] { return std::string{...}; }> on a client, auth<[](std::string_view credential) -> tenon::result<std::string> { ... }> on a server
#include <tenon/policy/auth.hpp>

constexpr auto name = tenon::auth<7>::name;
