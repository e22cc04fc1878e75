// Two translation units that include everything and instantiate the same things link at -O0, where a second definition
// is not inlined away, and agree on what they share.
#include "two_units/shared.hpp"

#define TEXT_OF(x) #x
#define VERSION_TEXT(major_, minor_, patch_) TEXT_OF(major_) "." TEXT_OF(minor_) "." TEXT_OF(patch_)
static_assert(tenon::version == VERSION_TEXT(TENON_VERSION_MAJOR, TENON_VERSION_MINOR, TENON_VERSION_PATCH));

int main() {
  const quote sent{"ACME", 1.5};
  tenon::result<quote> back = tenon::decode<quote, tenon::codec::msgpack>(encoded_by_second(sent));
  const bool codecs_agree = back && back->symbol == sent.symbol && tenon::encode<tenon::codec::msgpack>(*back) == encoded_by_second(sent);

  tenon::server server;
  const bool served = serve_from_second(server).code() == tenon::code::ok;
  const bool one_definition = version_seen_by_second() == static_cast<const void*>(&tenon::version);
  return codecs_agree && served && one_definition ? 0 : 1;
}
