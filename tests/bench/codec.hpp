// What the codec benchmarks share: the two messages, and a table whose rows time ours and a reference in turns. For tests/bench only.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <vector>

#include <tenon/reflect/fields.hpp>

namespace codec_bench {

// The shape of the message that the rpcx and gRPC comparisons exchange: 40 fields whose names carry their protobuf numbers; field5 is repeated fixed64.
struct message {
  std::string field1, field9, field18;
  bool field80 = false, field81 = false;
  std::int32_t field2 = 0, field3 = 0, field280 = 0, field6 = 0;
  std::int64_t field22 = 0;
  std::string field4;
  std::vector<std::uint64_t> field5;
  bool field59 = false;
  std::string field7;
  std::int32_t field16 = 0, field130 = 0;
  bool field12 = false, field17 = false, field13 = false, field14 = false;
  std::int32_t field104 = 0, field100 = 0, field101 = 0;
  std::string field102, field103;
  std::int32_t field29 = 0;
  bool field30 = false;
  std::int32_t field60 = 0, field271 = 0, field272 = 0, field150 = 0, field23 = 0;
  bool field24 = false;
  std::int32_t field25 = 0;
  bool field78 = false;
  std::int32_t field67 = 0, field68 = 0, field128 = 0;
  std::string field129;
  std::int32_t field131 = 0;
  bool operator==(const message&) const = default;
};

struct item {
  std::int64_t id = 0;
  std::int32_t count = 0;
  double price = 0;
  std::string name;
  bool operator==(const item&) const = default;
};
struct items {
  std::vector<item> all;
  bool operator==(const items&) const = default;
};

/// Fills every field: texts of 54 bytes that are not ASCII, integers of 100000, every bool true, field5 empty. 581 bytes in protobuf.
template <class Message = message>
Message make_message() {
  Message made;
  tenon::for_each_field(static_cast<message&>(made), [](auto, auto& member) {
    using type = std::remove_cvref_t<decltype(member)>;
    if constexpr (std::is_same_v<type, std::string>) member = "许多往事在眼前一幕一幕，变的那麼模糊";
    else if constexpr (std::is_same_v<type, bool>) member = true;
    else if constexpr (std::is_integral_v<type>) member = 100000;
  });
  return made;
}

/// A thousand small records.
inline items make_items() {
  items made;
  for (std::int32_t i = 0; i < 1000; ++i) {
    made.all.push_back({std::int64_t{1'000'003} * i, i, i * 0.5 + 0.1, "string number " + std::to_string(i)});
  }
  return made;
}

/// Makes the compiler believe that `value` is read.
template <class T>
void keep(const T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

/// Ends the program when what was measured is wrong: a fast codec that fails is no codec.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "codec bench: %s\n", what);
  std::exit(1);
}

/// Times two operations in turns and prints a line for both.
///
/// Shape   both warm up, then run in batches of some 50 us, ours and the reference's by turns, for about a second; who comes first changes from round to round. A batch
///         is shorter than a time slice, so that the best of many is undisturbed even on a busy machine.
/// Units   nanoseconds of one operation: the best batch; `ratio` is reference / ours of the best, `median` that of the medians.
class table {
 public:
  table(const char* ours, const char* reference) {
    std::printf("%-34s %12s %12s %8s %8s\n", "operation", ours, reference, "ratio", "median");
  }

  template <class Ours, class Reference>
  void row(const char* operation, Ours ours, Reference reference) {
    const std::size_t ours_count = batch_of(ours);
    const std::size_t reference_count = batch_of(reference);
    std::vector<double> ours_times;
    std::vector<double> reference_times;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{1000};
    for (int round = 0; round < 64 || std::chrono::steady_clock::now() < end; ++round) {
      if (round % 2 == 0) ours_times.push_back(time_of(ours, ours_count));
      reference_times.push_back(time_of(reference, reference_count));
      if (round % 2 != 0) ours_times.push_back(time_of(ours, ours_count));
    }
    std::sort(ours_times.begin(), ours_times.end());
    std::sort(reference_times.begin(), reference_times.end());
    const double ratio = reference_times.front() / ours_times.front();
    const double median = reference_times[reference_times.size() / 2] / ours_times[ours_times.size() / 2];
    std::printf("%-34s %12.0f %12.0f %8.2f %8.2f\n", operation, ours_times.front(), reference_times.front(), ratio, median);
    std::fflush(stdout);
  }

 private:
  template <class Operation>
  static double time_of(Operation& operation, std::size_t count) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < count; ++i) operation();
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / static_cast<double>(count);
  }

  template <class Operation>
  static std::size_t batch_of(Operation& operation) {
    time_of(operation, 64);
    const double each = time_of(operation, 64);
    const auto count = static_cast<std::size_t>(50'000 / (each + 1)) + 1;
    time_of(operation, 100 * count);
    return count;
  }
};

}  // namespace codec_bench
