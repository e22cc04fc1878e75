// The raw asio echo, of bytes.
#include "peers/asio_server.hpp"

struct bytes_back {
  void operator()(std::string_view frame, std::string& out) const { out.append(frame); }
};

int main(int argc, char** argv) { asio_peer::serve<bytes_back>({argc, argv}); }
