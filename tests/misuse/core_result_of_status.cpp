// expect: tenon::result<T>: a status or code is the error already; for a function that gives nothing else use result<void>
#include <tenon/core/result.hpp>

tenon::result<tenon::status> check() { return tenon::status{}; }
