#include "server/log.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

namespace hooke {
namespace {

constexpr const char* kTime = "%Y-%m-%dT%H:%M:%S.%e%z";

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

// The message as a JSON string, whatever it holds.
class JsonMessage : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const nlohmann::json text = std::string(message.payload.data(), message.payload.size());
    const std::string quoted =
        text.dump(-1, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace);
    out.append(quoted.data(), quoted.data() + quoted.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessage>(); }
};

}  // namespace

void set_up_log(const std::string& level, LogFormat format) {
  auto log = spdlog::stderr_logger_mt("hooked");
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  if (format == LogFormat::kText) {
    formatter->add_flag<InertMessage>('*').set_pattern(std::string(kTime) + " %l %*");
  } else {
    formatter->add_flag<JsonMessage>('*').set_pattern(std::string(R"({"time":")") + kTime +
                                                      R"(","level":"%l","message":%*})");
  }
  log->set_formatter(std::move(formatter));
  log->set_level(spdlog::level::from_str(level));
  log->flush_on(spdlog::level::info);
  spdlog::set_default_logger(log);
}

}  // namespace hooke
