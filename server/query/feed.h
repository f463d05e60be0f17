// What a server stream sends next: the shape of Tail's and WatchRuns' sources.
#pragma once

#include <vector>

namespace hooke::query {

template <class Response>
struct FeedStep {
  std::vector<Response> messages;  // a bounded number
  bool more = false;               // there is more at once: ask again when these are sent
  bool done = false;               // nothing will come after these
};

}  // namespace hooke::query
