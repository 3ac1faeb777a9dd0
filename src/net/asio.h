#pragma once
// The one place that chooses from Boost.Asio: a concrete executor everywhere (any_io_executor costs on every hop) and
// one coroutine type. Asio serves as reactor, coroutine runtime, resolver, timer and signal source; bytes are moved
// by net/stream.h.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace net {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;

// A coroutine on one loop. Awaited by its caller or spawned with an owner; never detached.
template <class T>
using Task = asio::awaitable<T, Executor>;

inline constexpr asio::use_awaitable_t<Executor> use_task{};

}  // namespace net
