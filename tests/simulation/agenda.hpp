// What will happen in a simulated world, in the order of its time; what falls on one instant keeps the order in which it was planned.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include <tenon/core/units.hpp>

namespace simulated {

class agenda {
 public:
  using deed = std::function<void()>;

  void plan(tenon::instant when, deed what) { planned_.emplace(std::pair{when.ns, ++last_}, std::move(what)); }
  bool due(tenon::instant now) const { return !planned_.empty() && planned_.begin()->first.first <= now.ns; }
  bool empty() const { return planned_.empty(); }
  tenon::instant next() const { return empty() ? tenon::instant::never() : tenon::instant{planned_.begin()->first.first}; }
  deed take() { return std::move(planned_.extract(planned_.begin()).mapped()); }
  void clear() { planned_.clear(); }

 private:
  std::map<std::pair<std::int64_t, std::uint64_t>, deed> planned_;
  std::uint64_t last_ = 0;
};

}  // namespace simulated
