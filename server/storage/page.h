// Keyset paging: what every list does alike. Private to server/storage.
#pragma once

#include <algorithm>
#include <string>

#include "server/storage/limits.h"
#include "server/storage/types.h"

namespace hooke::storage {

// Throws kInvalidArgument for a cursor that is not empty and not a number.
void check_number_cursor(const std::string& after);

// The page's limit within what is allowed.
inline std::size_t limit_of(const PageRequest& page) {
  return std::clamp<std::size_t>(page.limit, 1, kMaxPage);
}

// How many rows to read: one more than wanted, which says whether there is another page.
inline std::size_t fetch(const PageRequest& page) {
  return limit_of(page) + 1;
}

// Drops the row too many and sets `next` from the last item that stays.
template <class T, class Cursor>
void close_page(Page<T>& found, const PageRequest& page, Cursor cursor) {
  if (found.items.size() <= limit_of(page)) return;
  found.items.resize(limit_of(page));
  found.next = cursor(found.items.back());
}

}  // namespace hooke::storage
