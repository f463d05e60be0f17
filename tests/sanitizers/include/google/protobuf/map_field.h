// Found before protobuf's header of this name, where the thread sanitizer is on.
//
// protobuf's maps have two members more when they are compiled under it, and Debian's library was not: what
// it does to a map (JSON, text, reflection) would then be done to other bytes than the program's.
#pragma once

#include <atomic>
#include <functional>
#include <memory>  // the standard library, which is to know of the sanitizer

#pragma push_macro("__SANITIZE_THREAD__")
#undef __SANITIZE_THREAD__
#include_next <google/protobuf/map_field.h>
#pragma pop_macro("__SANITIZE_THREAD__")
