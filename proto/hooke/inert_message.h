// The flag of a log's pattern for a message that quotes what others sent: control characters as \xNN.
#pragma once

#include <spdlog/fmt/fmt.h>
#include <spdlog/pattern_formatter.h>

#include <iterator>
#include <memory>

namespace hooke {

// On one line, and nothing that a terminal would obey: neither C0 nor, in UTF-8, C1.
class InertMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const auto& text = message.payload;
    const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
    const auto c1 = [&](std::size_t i) { return at(i) == 0xC2 && at(i + 1) >= 0x80 && at(i + 1) < 0xA0; };
    for (std::size_t i = 0; i < text.size(); ++i)
      if (at(i) < 0x20 || at(i) == 0x7F || c1(i) || (i > 0 && c1(i - 1)))
        fmt::format_to(std::back_inserter(out), "\\x{:02x}", at(i));
      else
        out.push_back(text[i]);
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<InertMessage>(); }
};

}  // namespace hooke
