// feeds: what this cloud tells its peers, derived from its journal, and what it hears of them.
#pragma once

#include "actors/runtime/hearer.hpp"
#include "actors/runtime/teller.hpp"

namespace caravan::runtime {

class controller::feeds {
  public:
    explicit feeds(controller&);
    ~feeds();
    result<void> check() const;  // as teller's, of each
    void start();  // once told() reaches it: what is committed in between is neither told nor heard
    void stop();  // no more is told or heard; what actors still answer finds us here
    void told(std::span<const committed>);  // from the ledger's turn
    void foretold(const shell::fact_to_be&);
    topology::standing::feed standing(const cloud_name&) const;

  private:
    std::map<cloud_name, std::unique_ptr<teller>> tellers_;
    std::map<cloud_name, std::unique_ptr<hearer>> hearers_;
};

}  // namespace caravan::runtime
