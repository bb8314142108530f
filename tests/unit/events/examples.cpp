#include "tests/unit/events/examples.hpp"

namespace caravan::test {

namespace {

struct filler {
    std::uint64_t next = 1;
    bool hidden = false;
    std::vector<std::string> planted;

    template <class T>
    void field(const char* name, T& x, const char*) { fill(name, x); }
    template <class T>
    void inside(const char* name, T& x, const char*) {
        const bool was = std::exchange(hidden, true);
        fill(name, x);
        hidden = was;
    }
    std::uint64_t number() {
        if (!hidden) return next++;
        const auto n = 77'000'000 + next++;
        planted.push_back(std::to_string(n));
        return n;
    }
    std::string text(const char* name) {
        auto t = (hidden ? "INSIDE-" : "shared-") + std::string(name) + "-" + std::to_string(next++);
        if (hidden) planted.push_back(t);
        return t;
    }
    template <class T>
    void fill(const char* name, T& x) {
        if constexpr (is_name<T>::value) {
            x.text = text(name);
        } else if constexpr (is_counter<T>::value) {
            x.value = number();
        } else if constexpr (std::is_same_v<T, instant>) {
            x = instant(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)) + duration(number());
        } else if constexpr (std::is_same_v<T, duration>) {
            x = duration(number());
        } else if constexpr (named_enum<T>) {
            x = static_cast<T>(1);
        } else if constexpr (std::is_same_v<T, bool>) {
            x = true;
        } else if constexpr (std::is_integral_v<T>) {
            x = static_cast<T>(number());
        } else if constexpr (is_vector<T>::value) {
            fill(name, x.emplace_back());
        } else if constexpr (described<T>) {
            describe(*this, x);
        } else {
            x = T(text(name));
        }
    }
};

template <class Group, class T>
example make(std::uint64_t number) {
    filler f;
    T x{};
    describe(f, x);
    example made;
    auto& e = made.what;
    e.at = position(number);
    e.stream = stream_id("thing/name-" + std::to_string(number));
    e.v = version(3);
    e.source = cloud_name("thales");
    e.time = instant(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22)) + std::chrono::hours(10);
    e.causation = position(7);
    e.saga = "01J0000000000000000000000";
    e.audience = cloud_name("umea");
    e.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    e.what = fact(Group(std::move(x)));
    made.planted = std::move(f.planted);
    return made;
}

template <class Group, class... T>
void add(std::vector<example>& to, std::variant<T...>*) {
    (to.push_back(make<Group, T>(to.size() + 1)), ...);
}

template <class... Group>
void add_all(std::vector<example>& to, std::variant<Group...>*) {
    (add<Group>(to, static_cast<Group*>(nullptr)), ...);
}

}  // namespace

std::vector<example> examples() {
    std::vector<example> all;
    add_all(all, static_cast<fact*>(nullptr));
    return all;
}

}  // namespace caravan::test
