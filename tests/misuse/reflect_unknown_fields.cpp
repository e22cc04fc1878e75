// expect: tenon: the fields of T are not known; make T an aggregate, or list its fields with TENON_STRUCT
#include <tenon/reflect.hpp>

class account {
 public:
  int balance() const { return balance_; }

 private:
  int balance_ = 0;
};

static_assert(tenon::assert_wire_type<account>());
