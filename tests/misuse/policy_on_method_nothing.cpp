// expect: tenon::on_method: no policies; write what is different for this method, on_method<&market::buy, timeout<5_s>>
#include <tenon/policy/select.hpp>

struct market {
  void buy();
};
tenon::on_method<&market::buy> wrong;
