// expect: tenon::result<T>: T must be a plain object type; for a function that returns nothing use result<void>
#include <tenon/core/result.hpp>

tenon::result<int&> first(int& value) { return value; }
