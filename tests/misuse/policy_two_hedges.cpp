// expect: tenon: two policies of one client want several attempts at a time; keep one hedge
#include <tenon/policy/hedge.hpp>
#include <tenon/policy/stack.hpp>

constexpr auto size = tenon::policy::stack<tenon::hedge<>, tenon::hedge<tenon::duration{5}>>::size;
