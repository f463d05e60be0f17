#include "worker/training/sizes.h"

#include <charconv>

namespace hooke::training {
namespace {

constexpr int kSmallestExponent = -7;

std::string key(engine::Measure measure, const std::string& size) {
  return "elasticity/size." + std::string(engine::name(measure)) + "@" + size;
}

}  // namespace

std::vector<double> size_rates(double largest) {
  std::vector<double> rates;
  for (int exponent = kSmallestExponent;; ++exponent) {
    for (const char* digit : {"1e", "3e"}) {
      // From text, so that each is the nearest number to its name.
      const double rate = std::stod(digit + std::to_string(exponent));
      if (rate >= largest * (1 - 1e-9)) {
        rates.push_back(largest);
        return rates;
      }
      rates.push_back(rate);
    }
  }
}

std::string size_key(engine::Measure measure, double rate) {
  char text[32];
  return key(measure, {text, std::to_chars(text, text + sizeof text, rate).ptr});
}

std::string size_limit_key(engine::Measure measure) {
  return key(measure, "limit");
}

}  // namespace hooke::training
