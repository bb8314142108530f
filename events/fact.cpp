#include "events/fact.hpp"

#include <array>
#include <unordered_map>

namespace caravan {

namespace {

template <class Group>
struct names;  // the wire names of a group's facts, in the order of its variant

#define CARAVAN_NAMES(group, ...) \
    template <> \
    struct names<group> { \
        static constexpr fact_type all[] = {__VA_ARGS__}; \
        static_assert(std::size(all) == std::variant_size_v<group>); \
    }
CARAVAN_NAMES(vm::fact, {"caravan.vm.discovered"}, {"caravan.vm.started"}, {"caravan.vm.stopped"},
              {"caravan.vm.changed"}, {"caravan.vm.vanished"}, {"caravan.vm.strayed"},
              {"caravan.vm.move_begun"}, {"caravan.vm.move_abandoned"},
              {"caravan.vm.run_right_released"}, {"caravan.vm.departed"}, {"caravan.vm.expected"},
              {"caravan.vm.unexpected"}, {"caravan.vm.run_right_acquired"}, {"caravan.vm.stray_gone"},
              {"caravan.vm.run_right_reclaimed"}, {"caravan.vm.run_right_lost"});
CARAVAN_NAMES(host::fact, {"caravan.host.came_online"}, {"caravan.host.went_offline"},
              {"caravan.host.reserved"}, {"caravan.host.reservation_released"});
CARAVAN_NAMES(proxy::fact, {"caravan.proxy.came_online"}, {"caravan.proxy.went_offline"},
              {"caravan.proxy.channel_refused"}, {"caravan.proxy.channel_closed"});
CARAVAN_NAMES(cloud::fact, {"caravan.cloud.heard"}, {"caravan.cloud.feed_stopped"},
              {"caravan.cloud.feed_resumed"});
CARAVAN_NAMES(van::fact, {"caravan.van.created"}, {"caravan.van.deleted"}, {"caravan.van.route_moved"},
              {"caravan.van.route_dropped"});
CARAVAN_NAMES(migration::fact, {"caravan.migration.requested"}, {"caravan.migration.asked"},
              {"caravan.migration.admitted"}, {"caravan.migration.step_done"},
              {"caravan.migration.step_failed"}, {"caravan.migration.undoing"},
              {"caravan.migration.vm_kept"}, {"caravan.migration.resolved"},
              {"caravan.migration.pivot_found"}, {"caravan.migration.abort_requested"},
              {"caravan.migration.stuck"}, {"caravan.migration.ended"},
              {"caravan.migration.went_back"}, {"caravan.migration.reclaimed"});
CARAVAN_NAMES(visit::fact, {"caravan.visit.asked"}, {"caravan.visit.admitted"},
              {"caravan.visit.answered"}, {"caravan.visit.release_heard"}, {"caravan.visit.acquired"},
              {"caravan.visit.freeing"}, {"caravan.visit.freed"},
              {"caravan.visit.settled"}, {"caravan.visit.awaiting_word"},
              {"caravan.visit.reclaim_heard"});
CARAVAN_NAMES(submission::fact, {"caravan.submission.accepted"});
CARAVAN_NAMES(care::fact, {"caravan.care.needs_person"}, {"caravan.care.relieved"});
#undef CARAVAN_NAMES

using maker = result<fact> (*)(const json_value&, const json_value*);

template <class Group, class T>
result<fact> make(const json_value& shared, const json_value* inside) {
    T x{};
    std::string error;
    field_reader::read(shared, x, nullptr, error);
    if (error.empty() && inside) field_reader::read(*inside, x, nullptr, error);
    if (!error.empty()) return permanent("malformed", error);
    return fact(Group(std::move(x)));
}

template <class Visit>
void each_type(Visit&& visit) {
    const auto group = [&]<class... T>(std::variant<T...>*) {
        using g = std::variant<T...>;
        std::size_t i = 0;
        (visit.template operator()<g, T>(names<g>::all[i++]), ...);
    };
    [&]<class... G>(std::variant<G...>*) {
        (group(static_cast<G*>(nullptr)), ...);
    }(static_cast<fact*>(nullptr));
}

const std::unordered_map<std::string_view, maker>& makers() {
    static const auto table = [] {
        std::unordered_map<std::string_view, maker> all;
        each_type([&]<class G, class T>(const fact_type& type) { all.emplace(type.name, &make<G, T>); });
        return all;
    }();
    return table;
}

struct epoch_finder {
    epoch found;
    template <class T>
    void field(const char*, T& x, const char*) {
        if constexpr (std::is_same_v<T, epoch>) found = x;
        else if constexpr (described<T>) describe(*this, x);
    }
    template <class T>
    void inside(const char*, T&, const char*) {}
};

template <class T>
std::string kind_of() {
    if constexpr (is_vector<T>::value) return "list";
    else if constexpr (std::is_same_v<T, bool>) return "true or false";
    else if constexpr (std::is_same_v<T, instant>) return "time";
    else if constexpr (std::is_same_v<T, duration>) return "microseconds";
    else if constexpr (is_counter<T>::value || std::is_integral_v<T>) return "integer";
    else if constexpr (named_enum<T>) return "name";
    else if constexpr (described<T>) return "object";
    else return "string";
}

struct documenting {
    std::string_view type;
    std::vector<documented_field>& to;
    std::string prefix;
    bool hidden = false;
    template <class T>
    void field(const char* name, T& x, const char* text) {
        to.push_back({type, prefix + name, kind_of<T>(), text, hidden});
        if constexpr (is_vector<T>::value) nest<typename T::value_type>(prefix + name + "[].");
        else if constexpr (described<T>) nest<std::decay_t<decltype(x)>>(prefix + name + ".");
    }
    template <class T>
    void inside(const char* name, T& x, const char* text) {
        documenting{type, to, prefix, true}.field(name, x, text);
    }

  private:
    template <class T>
    void nest(std::string below) {
        if constexpr (described<T>) {
            documenting deeper{type, to, std::move(below), hidden};
            T x{};
            describe(deeper, x);
        }
    }
};

}  // namespace

const fact_type& type_of(const fact& what) noexcept {
    return std::visit([](const auto& group) -> const fact_type& {
        return names<std::decay_t<decltype(group)>>::all[group.index()];
    }, what);
}

std::string data_of(const fact& what, part which) {
    return std::visit([&](const auto& group) {
        return std::visit([&](const auto& x) { return to_json(x, which); }, group);
    }, what);
}

epoch epoch_of(const fact& what) {
    epoch_finder finder;
    std::visit([&](const auto& group) {
        std::visit([&](const auto& x) { describe(finder, as_mutable(x)); }, group);
    }, what);
    return finder.found;
}

result<fact> fact_from(std::string_view type, const json_value& shared, const json_value* inside) {
    const auto found = makers().find(type);
    if (found == makers().end())
        return permanent("unknown_type", "no fact is called " + std::string(type.substr(0, 100)));
    return found->second(shared, inside);
}

std::vector<documented_field> all_fields() {
    std::vector<documented_field> all;
    each_type([&]<class G, class T>(const fact_type& type) {
        const auto before = all.size();
        documenting visitor{type.name, all, {}};
        T x{};
        describe(visitor, x);
        if (all.size() == before) all.push_back({type.name, "", "", "", false});
    });
    return all;
}

}  // namespace caravan
