// expect: tenon::stream<T>: T is a result or a status; write the value's type, and co_yield an error to end the stream with it
#include <tenon/core/stream.hpp>

tenon::stream<tenon::result<int>> numbers() { co_yield tenon::result<int>{1}; }
