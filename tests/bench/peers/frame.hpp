// A libprotobuf message in the frame of the raw asio echo. For tests/bench only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace asio_peer {

inline void append_length(std::string& out, std::size_t length) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(length >> shift));
}

/// Written in place: its size is computed once, and the bytes are not copied.
template <class Message>
void append_message(std::string& out, const Message& message) {
  const std::size_t length = message.ByteSizeLong();
  append_length(out, length);
  const std::size_t start = out.size();
  out.resize(start + length);
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out.data() + start));
}

}  // namespace asio_peer
