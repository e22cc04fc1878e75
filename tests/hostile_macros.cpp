// Names that system headers, X11, Qt and Windows headers define as macros, in front of tenon: it must neither break nor
// take another meaning. Without #undef: a user's translation unit would not have them either.
#define unix 1
#define linux 1
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define major(device) ((device) >> 8)
#define minor(device) ((device)&255)
#define ERROR 0
#define DEBUG 1
#define NO_ERROR 0L
#define OK 0
#define IN
#define OUT
#define OPTIONAL
#define near
#define far
#define small char
#define interface struct
#define signals public
#define slots
#define emit
#define foreach(variable, container) for (variable : container)
#define forever for (;;)
#define Status int
#define True 1
#define False 0
#define Success 0
#define Always 2
#define Never 0
#define Unsorted 0
#define Complex 0
#define DELETE 0x00010000L
#define GetMessage GetMessageA
#define SendMessage SendMessageA

#define None 0L
#define Bool int
#define check(assertion) ((void)(assertion))

#include <tenon.hpp>
#include <tenon/server/every_protocol.hpp>
#include <tenon/config.hpp>
#include <tenon/protocol/client_sessions.hpp>
#include <tenon/service/pages.hpp>
#include <tenon/service/routes.hpp>
#include <tenon/peers.hpp>

struct quote {
  std::string symbol;
  double price = 0;
};

struct market {
  quote last(std::string symbol) { return {std::move(symbol), 1.5}; }
  TENON_SERVICE(market, (last, tenon::idempotent))
};

int main() {
  std::string text = tenon::encode<tenon::codec::json>(quote{"ACME", 1.5});
  tenon::result<quote> back = tenon::decode<quote, tenon::codec::json>(text);
  std::string packed = tenon::encode<tenon::codec::msgpack>(*back);
  tenon::result<quote> unpacked = tenon::decode<quote, tenon::codec::msgpack>(packed);

  tenon::server server;
  server.serve(market{});
  tenon::client<market>* never_made = nullptr;
  return unpacked && unpacked->price > 1 && never_made == nullptr ? 0 : 1;
}
