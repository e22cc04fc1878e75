// Nanoseconds per call of a trivial function: bare, behind six policies that do nothing, and behind six real ones. The clock is read once per batch, as a loop does.
// g++ -std=c++20 -O3 -DNDEBUG -I include tests/bench/policies.cpp tests/zero_cost/around.cpp tests/zero_cost/leaf.cpp -o policies && taskset -c 1 ./policies

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "../zero_cost/around.hpp"

namespace {

std::size_t allocations = 0;
tenon::instant now{1'000'000'000};

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* block = std::malloc(size)) return block;
  std::abort();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }

namespace {

struct figure {
  double ns = 1e9;
  std::size_t allocations = 0;
};

template <class Call>
figure measure(Call call) {
  constexpr int calls = 20'000;
  constexpr int batch = 64;
  figure best;
  // Many short rounds, of which some meet a quiet machine.
  for (int round = 0; round < 500; ++round) {
    const std::size_t before = allocations;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) {
      if (i % batch == 0) now.ns += 20'000;
      if (!call(i).ok()) std::abort();
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best.ns = (std::min)(best.ns, took.count() / calls);
    best.allocations += allocations - before;
  }
  return best;
}

}  // namespace

int main() {
  zero_cost::to_leaf bare;
  zero_cost::six_nothings nothings{{}, {&now}, {}};
  zero_cost::six_real real{{}, {&now}, {}};
  // Once without counting: windows and queues are made with the first call.
  (void)zero_cost::call_through_six(real, 0);
  const figure none = measure([&](int i) { return zero_cost::call_bare(bare, i); });
  const figure nothing = measure([&](int i) { return zero_cost::call_through_nothing(nothings, i); });
  const figure six = measure([&](int i) { return zero_cost::call_through_six(real, i); });
  std::printf("ns per call: bare %.2f, six that do nothing %.2f, six real ones %.2f (%.2f above bare); allocations in 10 million calls: %zu\n", none.ns, nothing.ns, six.ns, six.ns - none.ns,
              six.allocations);
  return six.allocations == 0 ? 0 : 1;
}
