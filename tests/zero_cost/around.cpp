#include "around.hpp"

namespace zero_cost {

tenon::status call_bare(to_leaf& function, int x) { return function(x); }
tenon::status call_through_nothing(six_nothings& function, int x) { return function(x); }
tenon::status call_through_six(six_real& function, int x) { return function(x); }

}  // namespace zero_cost
