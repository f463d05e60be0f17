// Page sizes of lists, and answers that stay below the limit of a message. Pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "proto/hooke/channel.h"
#include "proto/hooke/error.h"
#include "server/storage/types.h"

namespace hooke::services {

inline constexpr int kDefaultPage = 50;
inline constexpr int kLargestPage = 1000;
// A list reads this many at a time, and ends early when what it has is large.
inline constexpr std::size_t kPageChunk = 50;
inline constexpr std::size_t kLargeAnswerBytes = kMaxMessageBytes / 2;

inline std::size_t page_size_of(int wanted) {
  if (wanted < 0) throw invalid("page_size", std::to_string(wanted) + " is not allowed; 0 or more");
  return static_cast<std::size_t>(wanted == 0 ? kDefaultPage : std::min(wanted, kLargestPage));
}

// Filters and orders come later; until then a list must not pretend to have applied one.
inline void refuse_filter(const std::string& filter, const std::string& order_by) {
  if (!filter.empty())
    throw Error(
        Code::kUnimplemented,
        "this version cannot filter yet (it will, by AIP-160, as in state = \"running\"); leave it empty",
        "filter");
  if (!order_by.empty())
    throw Error(Code::kUnimplemented,
                "this version cannot order yet (it will, as in \"create_time desc\"); leave it empty for "
                "newest first",
                "order_by");
}

// Fills a response page by page: `list(page)` reads one storage::Page, `add(item)` appends it to the
// response. Returns the token of the next page.
template <class Response, class List, class Add>
std::string fill_pages(const Response& response, std::size_t size, std::string after, List list, Add add) {
  while (size > 0 && response.ByteSizeLong() < kLargeAnswerBytes) {
    const auto page = list(storage::PageRequest{std::min(size, kPageChunk), after});
    for (const auto& item : page.items) add(item);
    size -= std::min(size, page.items.size());
    after = page.next;
    if (after.empty()) break;
  }
  return after;
}

}  // namespace hooke::services
