// The paths of routes: whole steps, literal or `{parameter}`; their matching, and their order. Service layer, detail of route_table.hpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tenon::inline v0::service::detail {

// Takes one step off the front of a path, its slash included. False at the end.
constexpr bool take_step(std::string_view& path, std::string_view& step) noexcept {
  if (path.empty() || path.front() != '/') return false;
  path.remove_prefix(1);
  step = path.substr(0, path.find('/'));
  path.remove_prefix(step.size());
  return true;
}

constexpr bool is_capture(std::string_view step) noexcept { return step.size() > 2 && step.front() == '{' && step.back() == '}'; }
constexpr std::string_view name_of_capture(std::string_view step) noexcept { return step.substr(1, step.size() - 2); }

// Whether a route may have this path: what has a meaning in a URL, or in another router, is no literal.
constexpr bool is_route_path(std::string_view path) noexcept {
  std::string_view step;
  if (path.empty() || path.front() != '/') return false;
  while (take_step(path, step)) {
    const std::string_view name = is_capture(step) ? name_of_capture(step) : step;
    for (const char c : name) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      if (!letter && (is_capture(step) || (c != '.' && c != '~' && c != ':' && c != '@' && c != '!' && c != '$'))) return false;
    }
  }
  return path.empty();
}

constexpr std::size_t count_captures(std::string_view path) noexcept {
  std::size_t count = 0;
  std::string_view step;
  while (take_step(path, step)) count += is_capture(step);
  return count;
}
// The name of the capture at `index`; empty when there are fewer.
constexpr std::string_view capture_at(std::string_view path, std::size_t index) noexcept {
  std::string_view step;
  while (take_step(path, step)) {
    if (is_capture(step) && index-- == 0) return name_of_capture(step);
  }
  return {};
}

// Below zero when `one` is asked before `other`, a literal before a capture; zero when they take the same paths, whatever their captures are called.
constexpr int compare_paths(std::string_view one, std::string_view other) noexcept {
  std::string_view step;
  std::string_view other_step;
  while (true) {
    const bool goes_on = take_step(one, step);
    const bool other_goes_on = take_step(other, other_step);
    if (!goes_on || !other_goes_on) return static_cast<int>(goes_on) - static_cast<int>(other_goes_on);
    const bool captures = is_capture(step);
    if (captures != is_capture(other_step)) return captures ? 1 : -1;
    if (captures) continue;
    if (const int order = step.compare(other_step); order != 0) return order;
  }
}

}  // namespace tenon::inline v0::service::detail
