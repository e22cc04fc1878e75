// expect: tenon::on_method: the first argument is no method; write on_method<&market::buy, ...>
#include <tenon/policy/select.hpp>
#include <tenon/policy/timeout.hpp>

tenon::on_method<1, tenon::timeout<>> wrong;
