// expect: tenon::spawn: the task's value has no default constructor, and the completion needs one beside an exception; return std::optional<T> or tenon::result<T>
#include <tenon/core/spawn.hpp>

struct row {
  explicit row(int) {}
};
tenon::task<row> find() { co_return row{1}; }
void start(asio::io_context& io) {
  tenon::spawn(io, find(), [](const std::exception_ptr&, const row&) {});
}
