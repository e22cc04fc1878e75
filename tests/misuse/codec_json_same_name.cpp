// expect: tenon: two fields of a struct have the same name in json's case; give one of them its own by tenon::name
#include <tenon/codec.hpp>

struct user {
  int user_id = 0;
  int userId = 0;
};

std::string misuse() { return tenon::encode<tenon::codec::proto_json>(user{}); }
