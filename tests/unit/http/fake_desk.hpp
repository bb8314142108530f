// A desk with a journal in memory. Receipts are given by a thread of its own, the last first, so that
// whoever relies on their order is found out.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "actors/ports/desk.hpp"
#include "events/json.hpp"

namespace caravan::test {

class fake_desk final : public port::desk {
  public:
    fake_desk() : worker_([this] { answer_for_ever(); }) {}
    ~fake_desk() override {
        {
            const std::scoped_lock hold(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        worker_.join();
    }

    void submit(const port::caller& who, std::string event, std::function<void(std::string)> receipt) override {
        const std::scoped_lock hold(mutex_);
        callers.insert(who.name);
        pending_.push_back([this, event = std::move(event), receipt = std::move(receipt)] {
            receipt(judge(event));
        });
        most_pending = std::max(most_pending, pending_.size());
        if (!held) wake_.notify_all();
    }

    void read(const port::caller&, std::string path, std::string at,
              std::function<void(port::answer)> done) override {
        port::answer out;
        {
            const std::scoped_lock hold(mutex_);
            const auto found = answers.find(path);
            const auto position = std::to_string(lines_.size());
            if (found != answers.end())
                out.json = found->second;
            else if (path == "/status" || path == "/state")
                out.json = "{\"position\":" + position + ",\"at\":\"" + at + "\"}";
            else
                out = {404, "", "no_such_thing", path + " is not known here"};
        }
        done(std::move(out));
    }

    void plan(const port::caller&, std::string request, std::function<void(port::answer)> done) override {
        if (request.find("sge-9") != std::string::npos)
            done({404, "", "no_such_vm", "no VM is named sge-9 in thales"});
        else if (const auto found = answers.find("/plan"); found != answers.end())
            done({200, found->second, "", ""});
        else
            done({200, "{\"vm\":\"sge-1\",\"mode\":\"cow\",\"seconds\":6.4}", "", ""});
    }

    void events(const port::caller&, const port::event_filter& wanted,
                std::function<void(std::vector<std::string>, position)> done) override {
        std::vector<std::string> found;
        std::uint64_t at = wanted.after.value;
        {
            const std::scoped_lock hold(mutex_);
            for (; at < lines_.size() && found.size() < wanted.limit; ++at)
                if (passes(wanted, lines_[at])) found.push_back(lines_[at]);
        }
        done(std::move(found), position(at));
    }

    std::unique_ptr<port::subscription> subscribe(const port::event_filter& wanted,
                                                  std::function<void(const port::news&)> tell) override {
        const std::scoped_lock hold(telling_);
        const auto id = ++subscriptions_made;
        listeners_[id] = {wanted, std::move(tell)};
        return std::make_unique<seat>(*this, id);
    }
    bool ready() const override { return is_ready; }
    std::string metrics() const override { return "# TYPE caravan_events_total counter\ncaravan_events_total 7\n"; }

    // Something happens.
    void commit(const std::string& type, const std::string& subject) {
        auto line = std::make_shared<std::string>();
        position at;
        {
            const std::scoped_lock hold(mutex_);
            at = position(lines_.size() + 1);
            *line = "{\"specversion\":\"1.0\",\"type\":\"" + type + "\",\"subject\":\"" + subject +
                    "\",\"position\":" + std::to_string(at.value) + padding + "}";
            lines_.push_back(*line);
        }
        tell({port::news::kind::event, at, line});
    }
    void progress(const std::string& migration, int percent) {
        tell({port::news::kind::progress, {},
              std::make_shared<std::string>("{\"migration\":\"" + migration + "\",\"percent\":" +
                                            std::to_string(percent) + "}")});
    }
    void let_go() {  // of receipts that were held
        {
            const std::scoped_lock hold(mutex_);
            held = false;
        }
        wake_.notify_all();
    }
    std::size_t listening() {
        const std::scoped_lock hold(telling_);
        return listeners_.size();
    }
    std::size_t waiting() {
        const std::scoped_lock hold(mutex_);
        return pending_.size();
    }

    std::map<std::string, std::string> answers;  // by path
    std::set<std::string> callers;
    std::string padding;  // of each line: ",\"x\":\"…\""
    std::atomic<bool> is_ready = true, held = false;
    std::size_t most_pending = 0;
    std::uint64_t subscriptions_made = 0;

  private:
    struct seat final : port::subscription {
        seat(fake_desk& of, std::uint64_t number) : desk(of), id(number) {}
        ~seat() override {
            const std::scoped_lock hold(desk.telling_);
            desk.listeners_.erase(id);
        }
        fake_desk& desk;
        std::uint64_t id;
    };

    static bool passes(const port::event_filter& wanted, const std::string& line) {
        const auto parsed = json_document::parse(line);
        const auto among = [&](const std::vector<std::string>& all, const char* key) {
            return all.empty() ||
                   std::count(all.begin(), all.end(), std::string(*parsed->root().at(key)->as_text())) > 0;
        };
        return among(wanted.types, "type") && among(wanted.subjects, "subject");
    }

    void tell(const port::news& what) {
        const std::scoped_lock hold(telling_);
        for (const auto& [id, one] : listeners_)
            if (what.what == port::news::kind::progress || passes(one.first, *what.json)) one.second(what);
    }

    std::string judge(const std::string& event) {
        const auto parsed = json_document::parse(event);
        const auto text = [&](const char* key) -> std::string {
            if (!parsed || parsed->root().what() != json_value::kind::object) return {};
            const auto found = parsed->root().at(key);
            return found ? std::string(found->as_text().value_or("")) : "";
        };
        const auto id = text("id"), source = text("source");
        std::string receipt = "{\"source\":\"" + source + "\",\"id\":\"" + id + "\",\"status\":";
        if (id.empty() || source.empty()) return receipt + "\"malformed\",\"pointer\":\"/id\",\"detail\":\"no id\"}";
        if (text("subject") == "sge-9")
            return receipt + "\"refused\",\"reason\":\"no_such_vm\",\"detail\":\"no VM is named sge-9 in thales\"}";
        if (text("subject") == "busy")
            return receipt + "\"refused\",\"reason\":\"wrong_phase\",\"detail\":\"busy is moving already\"}";
        bool fresh;
        {
            const std::scoped_lock hold(mutex_);
            fresh = seen_.insert(source + " " + id).second;
        }
        if (fresh) commit(text("type"), text("subject"));
        last_event = event;
        return receipt + (fresh ? "\"accepted\"" : "\"duplicate\"") + ",\"position\":8,\"migration\":\"01JM\"}";
    }

    void answer_for_ever() {
        std::unique_lock hold(mutex_);
        for (;;) {
            wake_.wait(hold, [&] { return stopping_ || (!pending_.empty() && !held); });
            if (stopping_) return;
            auto taken = std::exchange(pending_, {});
            hold.unlock();
            for (auto i = taken.rbegin(); i != taken.rend(); ++i) (*i)();
            hold.lock();
        }
    }

  public:
    std::string last_event;

  private:
    mutable std::mutex mutex_, telling_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> pending_;
    std::vector<std::string> lines_;
    std::set<std::string> seen_;
    std::map<std::uint64_t, std::pair<port::event_filter, std::function<void(const port::news&)>>> listeners_;
    bool stopping_ = false;
    std::thread worker_;
};

}  // namespace caravan::test
