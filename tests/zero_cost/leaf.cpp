#include "around.hpp"

namespace zero_cost {

tenon::status leaf(int x) noexcept { return x < 0 ? tenon::code::unavailable : tenon::code::ok; }

}  // namespace zero_cost
