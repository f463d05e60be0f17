// Page sizes of lists, and answers that stay below the limit of a message. Pure functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>

#include "proto/hooke/channel.h"
#include "proto/hooke/error.h"
#include "server/storage/types.h"

namespace hooke::query {

inline constexpr int kDefaultPage = 50;
inline constexpr int kLargestPage = 1000;
// A list reads this many at a time, and ends early when what it has is large.
inline constexpr std::size_t kPageChunk = 50;
inline constexpr std::size_t kLargeAnswerBytes = kMaxMessageBytes / 2;

inline std::size_t page_size_of(int wanted) {
  if (wanted < 0) throw invalid("page_size", std::to_string(wanted) + " is not allowed; 0 or more");
  return static_cast<std::size_t>(wanted == 0 ? kDefaultPage : std::min(wanted, kLargestPage));
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

}  // namespace hooke::query
