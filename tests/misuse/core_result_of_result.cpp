// expect: tenon::result<T>: a result within a result; chain functions that return results with and_then, not with transform
#include <tenon/core/result.hpp>

auto twice(const tenon::result<int>& value) {
  return value.transform([](int v) -> tenon::result<int> { return v * 2; });
}
