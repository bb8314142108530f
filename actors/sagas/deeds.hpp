// deeds: how one side performs one op: by which of its devices and books, in which order. The one
// place that says so. Every deed converges, so an op whose performer died is performed again whole.
#pragma once

#include <span>

#include "events/job.hpp"
#include "events/op.hpp"

namespace caravan::saga {

enum class doer : std::uint8_t { agent, proxy, books };

// What the own records are asked to do (runtime/books.cpp knows which aggregate that is).
enum class entry : std::uint8_t {
    none,
    admit,         // place it, reserve room, expect the VM, sign a ticket
    forget,        // the VM is not expected any more, the room is free
    keep_vm,       // the source's abort goes on record, before anything is undone
    release,       // the pivot: the run-right goes
    acquire,       // the run-right comes
    routes_here,   // this cloud has the VM's addresses
    routes_there,  // the peer has them
    depart,        // nothing of the VM is left here
    settle,        // the room kept for it is its own now
    reclaim,       // the run-right comes back from a destination that is lost
    forfeit,       // the source has it back
};

struct deed {
    op what;
    side at;
    doer who;
    act device_act = act::observe;
    entry books_entry = entry::none;
    bool best_effort = false;  // its failure changes nothing: there is a surer path
    bool only_again = false;   // not before the saga went back
};

constexpr deed by_agent(op what, side at, act a) { return {what, at, doer::agent, a, entry::none}; }
constexpr deed by_proxy(op what, side at, act a) { return {what, at, doer::proxy, a, entry::none}; }
constexpr deed in_books(op what, side at, entry e) { return {what, at, doer::books, act::observe, e}; }

inline constexpr deed deeds[] = {
    // the destination
    in_books(op::reserve, side::destination, entry::admit),
    by_proxy(op::release, side::destination, act::close_relay),
    by_agent(op::release, side::destination, act::close_end),
    by_agent(op::release, side::destination, act::discard),
    by_agent(op::release, side::destination, act::detach),
    in_books(op::release, side::destination, entry::forget),
    // A copy whose end went wrong may be whole over there, and in the next one's way.
    {op::stage_disk, side::destination, doer::agent, act::discard, entry::none, false, true},
    by_agent(op::stage_disk, side::destination, act::stage),
    by_agent(op::discard_disk, side::destination, act::discard),
    by_proxy(op::attach_silent_port, side::destination, act::extend_vans),
    by_agent(op::attach_silent_port, side::destination, act::attach_silent),
    by_agent(op::detach_port, side::destination, act::detach),
    by_agent(op::open_channel, side::destination, act::open_end),
    by_proxy(op::open_channel, side::destination, act::open_relay),
    by_proxy(op::close_channel, side::destination, act::close_relay),
    by_agent(op::close_channel, side::destination, act::close_end),
    in_books(op::resume_vm, side::destination, entry::acquire),
    by_proxy(op::resume_vm, side::destination, act::set_routes),
    by_agent(op::resume_vm, side::destination, act::activate),
    by_agent(op::resume_vm, side::destination, act::resume),
    in_books(op::move_routes, side::destination, entry::routes_here),
    by_proxy(op::retire_copy, side::destination, act::close_relay),
    by_agent(op::retire_copy, side::destination, act::close_end),
    in_books(op::retire_copy, side::destination, entry::settle),
    by_agent(op::observe, side::destination, act::observe),
    in_books(op::yield, side::destination, entry::forfeit),  // first: nothing resumes it any more
    by_proxy(op::yield, side::destination, act::close_relay),
    by_agent(op::yield, side::destination, act::close_end),
    by_agent(op::yield, side::destination, act::discard),
    by_agent(op::yield, side::destination, act::detach),
    in_books(op::yield, side::destination, entry::settle),
    // the source
    by_agent(op::open_channel, side::source, act::open_end),
    by_proxy(op::open_channel, side::source, act::open_relay),
    by_proxy(op::close_channel, side::source, act::close_relay),
    by_agent(op::close_channel, side::source, act::close_end),
    by_agent(op::start_copy, side::source, act::start_copy),
    // Relays first: an abort with stalled streams leaves libvirt's job "cancelled" for ever.
    by_proxy(op::abort_copy, side::source, act::close_relay),
    by_agent(op::abort_copy, side::source, act::close_end),
    by_agent(op::abort_copy, side::source, act::abort_copy),
    in_books(op::keep_vm, side::source, entry::keep_vm),
    in_books(op::take_back, side::source, entry::reclaim),
    by_agent(op::release_run_right, side::source, act::prove_off),
    in_books(op::release_run_right, side::source, entry::release),
    {op::release_run_right, side::source, doer::proxy, act::send_record, entry::none, true},
    // From now on it runs over there or nowhere: neighbours here need not wait until a feed says that it does.
    {op::release_run_right, side::source, doer::proxy, act::set_routes, entry::none, true},
    by_proxy(op::move_routes, side::source, act::set_routes),
    in_books(op::move_routes, side::source, entry::routes_there),
    by_proxy(op::retire_copy, side::source, act::close_relay),
    by_agent(op::retire_copy, side::source, act::close_end),
    by_agent(op::retire_copy, side::source, act::discard),
    by_agent(op::retire_copy, side::source, act::detach),
    in_books(op::retire_copy, side::source, entry::depart),
    by_agent(op::observe, side::source, act::observe),
};

// The deeds of one op at one side, in order.
constexpr std::span<const deed> deeds_of(op what, side at) {
    std::size_t first = 0;
    while (first < std::size(deeds) && !(deeds[first].what == what && deeds[first].at == at)) ++first;
    std::size_t last = first;
    while (last < std::size(deeds) && deeds[last].what == what && deeds[last].at == at) ++last;
    return {deeds + first, last - first};
}

}  // namespace caravan::saga
