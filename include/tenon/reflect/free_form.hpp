// The names of free-form field types, declared and no more: nlohmann::json, msgpack::object and object_handle. Who uses them includes their headers. Reflect layer.
#pragma once

#pragma push_macro("Bool")
#pragma push_macro("None")
#pragma push_macro("check")
#undef Bool
#undef None
#undef check

#include <msgpack/object_fwd_decl.hpp>
#include <msgpack/versioning.hpp>
#include <nlohmann/json_fwd.hpp>

#pragma pop_macro("check")
#pragma pop_macro("None")
#pragma pop_macro("Bool")

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(v1) { class object_handle; }
}  // namespace msgpack
