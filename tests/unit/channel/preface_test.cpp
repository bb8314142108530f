#include "adapters/channel/preface.hpp"

#include <catch2/catch.hpp>

using namespace caravan;
using namespace caravan::channel;

namespace {

result<preface> again(const std::string& bytes) {
    return read_preface(std::string_view(bytes).substr(0, preface_head_size),
                        std::string_view(bytes).substr(preface_head_size));
}

const preface whole{lane::nbd, migration_id{"01J0000000000000000000000A"}, {"{\"id\":1}", "ab12"}};

}  // namespace

TEST_CASE("preface: what is written is read") {
    for (const lane kind : {lane::ctl, lane::mem, lane::nbd, lane::record}) {
        preface one = whole;
        one.kind = kind;
        const auto bytes = write_preface(one);
        REQUIRE(bytes);
        REQUIRE(preface_length(bytes->substr(0, preface_head_size)) ==
                bytes->size() - preface_head_size);
        REQUIRE(again(*bytes) == one);
    }
}

TEST_CASE("preface: no byte more or less, and no other head") {
    const std::string bytes = *write_preface(whole);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        if (size >= preface_head_size) CHECK_FALSE(again(bytes.substr(0, size)));
    CHECK_FALSE(again(bytes + '!'));
    for (const std::size_t at : {0u, 4u, 5u}) {
        std::string other = bytes;
        other[at] = 9;
        CHECK_FALSE(again(other));
    }
}

TEST_CASE("preface: an id is fit for a file's name") {
    for (const char* id : {"", "../x", "a/b", "a b", "\n"}) {
        preface one = whole;
        one.id = migration_id{id};
        CHECK_FALSE(write_preface(one));
    }
    CHECK_FALSE(valid_migration(migration_id{std::string(65, 'a')}));
    CHECK_FALSE(valid_migration(migration_id{std::string("a\0b", 3)}));
    preface big = whole;
    big.ticket.body.assign(70000, 'x');
    CHECK_FALSE(write_preface(big));
}
