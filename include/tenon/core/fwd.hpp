// Names of the core types that other layers mention before they need them. Core layer.
#pragma once

namespace tenon::inline v0 {

class status;
template <class T>
class result;
class context;
template <class T = void>
class task;
template <class T>
class stream;
template <class T>
class source;

}  // namespace tenon::inline v0
