// expect: tenon::decorate: hedge needs two attempts at a time, and the function blocks the thread it runs on; write retry, or call a service that is hedged
#include <tenon/policy/decorate.hpp>
#include <tenon/policy/hedge.hpp>

int find(int id) { return id; }
void use() { auto guarded = tenon::decorate<tenon::hedge<>>(&find); }
