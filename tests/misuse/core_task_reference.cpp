// expect: tenon::task<T>: T must be void or a plain object type; a coroutine cannot give a reference
#include <tenon/core/task.hpp>

tenon::task<int&> first(int& value) { co_return value; }
