// Boost.Asio's coroutines.
#pragma once

// awaitable.hpp uses std::exchange without including it (Boost 1.74).
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

// Coroutines here return nothing or a plain value: with g++ 12 and Boost 1.74 an awaitable of
// std::optional<std::string> resumed with a wrong frame.
