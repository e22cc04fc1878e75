// expect: tenon::task: a coroutine gives its value once; write co_await std::move(it)
#include <tenon/core/task.hpp>

tenon::task<int> one() { co_return 1; }
tenon::task<int> two() {
  tenon::task<int> it = one();
  co_return co_await it;
}
