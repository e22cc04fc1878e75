// One simulated world from its first to its last moment: many clients and servers, a network and a clock, all from one seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace simulated {

/// A library that is broken on purpose, by a double of one of its parts: each must be caught.
enum class mutation { none, lost_reply, double_completion, leaked_permit, late_deadline, false_not_executed, lost_item, doubled_end };

struct report {
  std::vector<std::string> violations;
  std::uint64_t trace = 0;  // a hash of everything that happened, in its order
  // What was reached, so that a simulation in which nothing happens does not pass for one in which nothing is wrong.
  std::uint64_t calls = 0;
  std::uint64_t ok = 0;
  std::uint64_t lost = 0;
  std::uint64_t not_executed = 0;
  std::uint64_t late = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t repeated = 0;  // handlers that ran once more
  std::uint64_t crashes = 0;
  std::uint64_t drains = 0;
  std::uint64_t streams = 0;
  std::uint64_t streams_ok = 0;
  std::uint64_t streams_broken = 0;  // in the middle of it
  std::uint64_t items = 0;
  std::uint64_t called_back = 0;  // calls from a server to its caller that ended well
  std::uint64_t foreign = 0;      // answers to requests over HTTP that were written by hand
};

/// Runs it. `tell` prints each event as it happens.
report simulate(std::uint64_t seed, mutation broken = mutation::none, bool tell = false);

}  // namespace simulated
