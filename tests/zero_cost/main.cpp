// What policies cost where they matter: each call is run one instruction at a time by ptrace, and looked at. Linux on x86-64.
// Six policies that do nothing must leave the same instructions as none; six real ones no call on the successful path but that of the function itself.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <vector>

#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "around.hpp"

namespace {

tenon::instant now{1'000'000'000};
zero_cost::to_leaf bare;
zero_cost::six_nothings nothings{{}, {&now}, {}};
zero_cost::six_real real{{}, {&now}, {}};

struct steps {
  std::vector<std::uint8_t> opcodes;
  int calls = 0;
};

// Runs `call` in a child that stops around it, and follows what it does in `function`, from its first instruction to its return.
template <class Function, class Call>
bool follow(Function* function, Call call, steps& found) {
  const auto entry = reinterpret_cast<std::uintptr_t>(function);
  std::uint64_t stack = 0;
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(2);
    for (int i = 0; i < 100; ++i) (void)call();
    raise(SIGSTOP);
    const bool good = call();
    raise(SIGSTOP);
    _exit(good ? 0 : 3);
  }
  int state = 0;
  if (waitpid(child, &state, 0) != child || !WIFSTOPPED(state)) return false;
  for (;;) {
    user_regs_struct registers{};
    if (ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) return false;
    if (registers.rip == entry) stack = registers.rsp;
    if (stack != 0 && registers.rsp <= stack) {
      const auto word = static_cast<std::uint64_t>(ptrace(PTRACE_PEEKTEXT, child, registers.rip, nullptr));
      const auto opcode = static_cast<std::uint8_t>(word);
      const auto following = static_cast<std::uint8_t>(word >> 8);
      found.opcodes.push_back(opcode);
      if (opcode == 0xE8 || (opcode == 0xFF && (following & 0x38) == 0x10)) ++found.calls;
    } else {
      stack = 0;
    }
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0 || waitpid(child, &state, 0) != child || !WIFSTOPPED(state)) return false;
    if (WSTOPSIG(state) == SIGSTOP) break;
  }
  ptrace(PTRACE_CONT, child, nullptr, nullptr);
  return waitpid(child, &state, 0) == child && WIFEXITED(state) && WEXITSTATUS(state) == 0;
}

}  // namespace

int main() {
  steps none;
  steps nothing;
  steps six;
  if (!follow(zero_cost::call_bare, [] { return zero_cost::call_bare(bare, 1).ok(); }, none)) {
    std::printf("skipped: this machine does not let a process follow its child\n");
    return 0;
  }
  const bool ran = follow(zero_cost::call_through_nothing, [] { return zero_cost::call_through_nothing(nothings, 1).ok(); }, nothing) && follow(zero_cost::call_through_six, [] { return zero_cost::call_through_six(real, 1).ok(); }, six);
  std::printf("instructions of one call, those of the function itself included: bare %zu, six that do nothing %zu, six real ones %zu; calls %d, %d, %d\n", none.opcodes.size(), nothing.opcodes.size(),
              six.opcodes.size(), none.calls, nothing.calls, six.calls);
  if (!ran) return std::puts("a call failed"), 1;
  if (none.opcodes != nothing.opcodes) return std::puts("six policies that do nothing leave something behind"), 1;
  if (none.calls != six.calls) return std::puts("six real policies call something on the successful path"), 1;
  return 0;
}
