// What a refusal says.
#pragma once

#include <functional>
#include <string>

#include "proto/hooke/error.h"

namespace hooke::tests {

// The text of the hooke::Error that `work` throws; "no error" when it throws none.
inline std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return describe(error);
  }
  return "no error";
}

}  // namespace hooke::tests
