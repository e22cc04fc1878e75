// expect: tenon::stream<T>: T must be a plain object type; a stream cannot give references
#include <tenon/core/stream.hpp>

tenon::stream<int&> numbers(int& from) { co_yield from; }
